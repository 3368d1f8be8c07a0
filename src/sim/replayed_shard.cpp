#include "sim/replayed_shard.hpp"

namespace atl::sim {

using namespace protocol;

ReplayedShard::ReplayedShard(ReplayStage& stage, int shard, ReplayingSyncer syncer, TapeCheck check)
    : stage_(stage),
      shard_(shard),
      syncer_(std::move(syncer)),
      check_(std::move(check)),
      values_(stage.snapshot ? stage.snapshot->shards.at(shard).values
                             : ShardValues(stage.scenario, stage.problem, shard)) {
  if (!stage.snapshot) return;
  auto const& saved = stage.snapshot->shards.at(shard);
  for (auto const& parcel : saved.held) held_[++last_handle_] = parcel;
  for (auto const& sent : saved.in_flight) held_[++last_handle_] = sent.parcel;
}

void ReplayedShard::start(std::vector<TapedVersion> const& begun) {
  for (auto const& version : begun) publish(version.fragment, version.version);
  carry_out(syncer_.on_start());
}

void ReplayedShard::receive(Frame const& frame) {
  int const from = stage_.layout().index_of(frame.from);
  if (auto const* contribution = std::get_if<Contribution>(&frame.message)) {
    held_[++last_handle_] = frame.parcel;
    carry_out(syncer_.on_contribution(from, *contribution, last_handle_));
  } else if (auto const* replica = std::get_if<Replica>(&frame.message)) {
    held_[++last_handle_] = frame.parcel;
    carry_out(syncer_.on_replica(*replica, last_handle_));
  } else if (auto const* progress = std::get_if<Progress>(&frame.message)) {
    carry_out(syncer_.on_progress(from, *progress));
  }
}

void ReplayedShard::carry_out(std::vector<ReplayAction> const& actions) {
  Node const self = stage_.layout().shard(shard_);
  for (auto const& action : actions) {
    if (auto const* taken = std::get_if<Commit>(&action)) {
      commit(*taken);
    } else if (auto const* seat = std::get_if<TakeFragment>(&action)) {
      take(*seat);
    } else if (auto const* send = std::get_if<SendRelease>(&action)) {
      auto const& release = send->release;
      stage_.send(self, stage_.layout().site(send->site), release,
                  {releases_.at({release.fragment, release.version}), {}});
    } else if (auto const* copy = std::get_if<SendReplica>(&action)) {
      stage_.send(self, stage_.layout().shard(copy->shard), copy->replica,
                  values_.replica(copy->replica.fragment));
    } else {
      held_.erase(std::get<DiscardPayload>(action).payload);
    }
  }
  std::erase_if(releases_,
                [&](auto const& kept) { return !syncer_.is_wanted(kept.first.first, kept.first.second); });
}

void ReplayedShard::commit(Commit const& commit) {
  std::vector<ShardValues::Bytes> payloads;
  for (auto const& member : commit.members) payloads.push_back(held_.extract(member.payload).mapped().bytes);
  values_.commit(commit, payloads);
  publish(commit.fragment, commit.version);
}

void ReplayedShard::take(TakeFragment const& take) {
  auto const& [fragment, version, theta] = take.taken.taken;
  if (take.taken.by_replica) {
    auto const parcel = take.payload > 0 ? held_.extract(take.payload).mapped() : Parcel{};
    values_.install(fragment, version.commits, parcel);
  }
  publish(fragment, version);
}

void ReplayedShard::publish(std::uint32_t fragment, Version const& version) {
  check_.put(TapedVersion{fragment, version, values_.digest(fragment)});
  releases_[{fragment, version}] = values_.release(fragment);
}

}  // namespace atl::sim
