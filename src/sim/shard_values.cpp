#include "sim/shard_values.hpp"

#include <utility>

#include "outer/codec.hpp"
#include "outer/merge.hpp"
#include "sim/site_values.hpp"

namespace atl::sim {

namespace {

ShardValues::Bytes shared(std::vector<std::byte> bytes) {
  return std::make_shared<std::vector<std::byte> const>(std::move(bytes));
}

}  // namespace

ShardValues::ShardValues(Scenario const& scenario, Problem const& problem, int shard)
    : scenario_(scenario), problem_(problem) {
  for (int p = shard; p < scenario.outer.fragments; p += scenario.layout.shards)
    publish(make(static_cast<std::uint32_t>(p)), 0);
}

ShardValues::Fragment& ShardValues::make(std::uint32_t p) {
  auto const& outer = scenario_.outer;
  outer::OuterOptimizer::Options const options{
      .lr = outer.lr,
      .momentum = outer.optimizer == deck::OuterOptimizerKind::nesterov ? outer.momentum : 0.0};
  auto theta = problem_.initial(static_cast<int>(p));
  auto const size = theta.size();
  auto release = shared(outer::encode(whole_codec(outer), theta));
  Fragment fragment{std::move(theta), {options, size}, {}, std::move(release), {}, {}};
  if (outer.anchor == deck::Anchor::current)
    fragment.history.emplace(whole_codec(outer), outer.max_staleness);
  return fragments_.insert_or_assign(p, std::move(fragment)).first->second;
}

Parcel ShardValues::replica(std::uint32_t p) const {
  auto const& fragment = fragments_.at(p);
  auto state = std::make_shared<base::Values>();
  base::MemoryWriter writer(*state);
  writer.write("theta", fragment.theta);
  fragment.optimizer.save(*writer.group("optimizer"));
  return {fragment.release, {}, std::move(state)};
}

void ShardValues::install(std::uint32_t p, std::uint64_t commits, Parcel const& replica) {
  auto& fragment = make(p);
  if (replica.state) {
    base::MemoryReader const reader(*replica.state);
    reader.read("theta", fragment.theta);
    fragment.optimizer.load(*reader.group("optimizer"));
    fragment.release = replica.bytes;
  }
  publish(fragment, commits);
}

void ShardValues::publish(Fragment& fragment, std::uint64_t commits) {
  auto const codec = whole_codec(scenario_.outer);
  fragment.digest = base::digest_of(outer::decoded(codec, *fragment.release, fragment.theta.size(), room_));
  if (fragment.history) fragment.history->keep(commits, fragment.release);
}

void ShardValues::renew_release(Fragment& fragment) {
  auto const codec = codec_of(scenario_.outer.release_codec);
  auto const whole = whole_codec(scenario_.outer);
  if (codec == whole) {
    fragment.release = shared(outer::encode(whole, fragment.theta));
    return;
  }
  std::vector<float> way(fragment.theta.size());
  outer::difference(fragment.theta, outer::decoded(whole, *fragment.release, way.size(), room_), way);
  fragment.difference = shared(outer::encode(codec, way));
  fragment.release = shared(outer::moved(*fragment.release, codec, *fragment.difference));
}

void ShardValues::commit(protocol::Commit const& commit, std::span<Bytes const> payloads) {
  auto& fragment = fragments_.at(commit.fragment);
  auto const p = static_cast<int>(commit.fragment);
  std::vector<std::vector<float>> deltas;
  std::vector<outer::Weighted> weighted;
  deltas.reserve(payloads.size());
  for (std::size_t m = 0; m < payloads.size(); ++m) {
    auto const& member = commit.members[m];
    auto& delta = deltas.emplace_back(fragment.theta.size());
    outer::decode(codec_of(scenario_.outer.codec), *payloads[m], delta);
    // A carried one keeps its base.
    bool const is_behind = member.rounds_late == 0 && member.staleness > 0;
    if (is_behind && fragment.history) fragment.history->shift(member.contribution.base.commits, delta);
    weighted.push_back({delta, member.weight});
  }
  auto const rule =
      scenario_.outer.merge == deck::MergeKind::rda ? outer::MergeRule::rda : outer::MergeRule::average;
  std::vector<float> merged(fragment.theta.size());
  auto const& table = problem_.table();
  outer::merge(rule, table.tensors_of(p), table.fragment(p), weighted, merged);
  fragment.optimizer.step(merged, fragment.theta);
  renew_release(fragment);
  publish(fragment, commit.version.commits);
}

protocol::PayloadFacts ShardValues::facts_of(protocol::PayloadHandle payload, std::uint32_t fragment,
                                             Bytes const& contribution) {
  auto const size = fragments_.at(fragment).theta.size();
  auto const delta = outer::decoded(codec_of(scenario_.outer.codec), *contribution, size, room_);
  return {.payload = payload, .finite = outer::is_finite(delta), .norm = outer::norm(delta)};
}

bool ShardValues::is_finite(std::uint32_t fragment) const {
  return outer::is_finite(fragments_.at(fragment).theta);
}

}  // namespace atl::sim
