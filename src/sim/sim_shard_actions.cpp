// What a shard does of what its machine says.
#include <utility>
#include <vector>

#include "sim/sim_shard.hpp"

namespace atl::sim {

using namespace protocol;

void SimShard::carry_out(std::vector<SyncerAction> const& actions) {
  for (auto const& action : actions) {
    stage_.note(self(), action);
    if (auto const* send = std::get_if<SendToSite>(&action)) {
      if (auto const* seat = std::get_if<Seat>(&send->message); seat && !seat->claims)
        publish_seat(seat->seat);
      if (auto const* pull = std::get_if<Pull>(&send->message))
        stage_.see(Asked{shard_, send->site, pull->fragment});
      stage_.send(self(), stage_.layout().site(send->site), send->message);
    } else if (auto const* release = std::get_if<SendRelease>(&action)) {
      auto const& [site, message] = *release;
      publish(message.fragment, message.version);
      auto const& bytes =
          message.since ? values_.difference(message.fragment) : values_.release(message.fragment);
      stage_.send(self(), stage_.layout().site(site), message, {bytes, {}});
    } else if (auto const* round = std::get_if<Commit>(&action)) {
      commit(*round);
    } else if (auto const* tell = std::get_if<SendToShard>(&action)) {
      stage_.send(self(), stage_.layout().shard(tell->shard), tell->message);
    } else if (auto const* copy = std::get_if<SendReplica>(&action)) {
      stage_.send(self(), stage_.layout().shard(copy->shard), copy->replica,
                  values_.replica(copy->replica.fragment));
    } else if (auto const* taken = std::get_if<InstallReplica>(&action)) {
      install(*taken);
    } else {
      take(std::get<DiscardPayload>(action).payload);
    }
  }
}

void SimShard::commit(Commit const& commit) {
  std::vector<StepSpan> holds;
  for (auto const& member : commit.members) {
    auto const parcel = held_.find(member.payload);
    holds.push_back(parcel == held_.end() ? StepSpan{} : parcel->second.holds);
  }
  stage_.see(Committed{shard_, &commit, holds});
  if (stage_.watch.violation()) return;
  std::vector<ShardValues::Bytes> payloads;
  for (auto const& member : commit.members) payloads.push_back(take(member.payload).bytes);
  values_.commit(commit, payloads);
  stage_.see(Merged{shard_, &commit, values_.digest(commit.fragment)});
  if (!stage_.scenario.is_replicated) publish(commit.fragment, commit.version);
}

void SimShard::install(InstallReplica const& taken) {
  auto const version = machine_.version(taken.fragment);
  auto const from = taken.payload > 0 ? replicas_.at(taken.payload) : Version{};
  auto const parcel = taken.payload > 0 ? take(taken.payload) : Parcel{};
  values_.install(taken.fragment, version.commits, parcel);
  publish(taken.fragment, version, from);
}

void SimShard::publish(std::uint32_t fragment, Version version, std::optional<Version> taken_from) {
  auto const [newest, is_first] = published_.try_emplace(fragment, version);
  if (!is_first && version <= newest->second) return;
  newest->second = version;
  stage_.see(Published{shard_, fragment, version, values_.digest(fragment), values_.is_finite(fragment),
                       taken_from});
}

// With a new term and the fates that go before it, all that the owner has is known.
void SimShard::publish_seat(std::uint32_t seat) {
  auto const shards = static_cast<std::uint32_t>(stage_.layout().shards);
  for (auto p = seat; p < static_cast<std::uint32_t>(stage_.scenario.outer.fragments); p += shards)
    publish(p, machine_.version(p));
}

Parcel SimShard::take(PayloadHandle payload) {
  auto node = held_.extract(payload);
  if (!node.empty()) return std::move(node.mapped());
  stage_.watch.report("2 contributions are sound", "one is merged or discarded a second time",
                      stage_.now_s());
  return {};
}

}  // namespace atl::sim
