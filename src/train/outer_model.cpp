#include "train/outer_model.hpp"

#include <fmt/format.h>

#include <memory>
#include <span>

#include "outer/codec.hpp"
#include "outer/merge.hpp"
#include "train/initial_model.hpp"
#include "train/model_archive.hpp"

namespace atl::train {

OuterModel::OuterModel(RunPlan const& plan, int shard) : plan_(plan), merged_(plan.table.largest_fragment()) {
  auto const& outer = plan.outer;
  auto const& table = plan.table;
  outer::OuterOptimizer::Options const options{
      .lr = outer.lr,
      .momentum = outer.optimizer == deck::OuterOptimizerKind::nesterov ? outer.momentum : 0.0};
  for (int p = shard; p < table.fragments(); p += plan.config.syncer.ranks) {
    auto const size = table.fragment(p).size;
    Fragment fragment{std::vector<float>(size), {}, {options, size}, {}};
    if (outer.anchor == deck::Anchor::current)
      fragment.history.emplace(plan.release_codec, outer.max_staleness);
    fragments_.emplace(p, std::move(fragment));
  }
}

void OuterModel::initialize() {
  InitialModel const initial(plan_);
  auto const tensors = plan_.table.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto const found = fragments_.find(tensors[i].fragment);
    if (found == fragments_.end()) continue;
    auto const begin = tensors[i].range.offset - plan_.table.fragment(found->first).offset;
    initial.fill(i, std::span(found->second.theta).subspan(begin, tensors[i].size()));
  }
  for (auto& [p, fragment] : fragments_) publish(fragment, 0);
}

base::Digest OuterModel::digest(int fragment) const {
  return base::digest_of(std::span<float const>(fragments_.at(fragment).theta));
}

protocol::TapedVersion OuterModel::taped(int p, protocol::Version const& version) const {
  auto const theta = digest(p);
  auto released = theta;
  if (plan_.release_codec != outer::Codec::fp32) {
    std::vector<float> room;
    released = base::digest_of(outer::decoded(plan_.release_codec, *release(p), room));
  }
  return {static_cast<std::uint32_t>(p), version, theta, released};
}

OuterModel::Member OuterModel::member(protocol::Member const& member, transport::Payload payload) {
  bool const is_behind = member.rounds_late == 0 && member.staleness > 0;  // a carried one keeps its base
  return {std::move(payload), member.weight,
          is_behind ? std::optional(member.contribution.base.commits) : std::nullopt};
}

// The last release may still be on its way to a slow site, so there is a new one for every version.
void OuterModel::publish(Fragment& fragment, std::uint64_t commits) {
  fragment.release =
      std::make_shared<std::vector<std::byte> const>(outer::encode(plan_.release_codec, fragment.theta));
  if (fragment.history) fragment.history->keep(commits, fragment.release);
}

void OuterModel::commit(int p, std::uint64_t commits, std::vector<Member> const& members) {
  auto& fragment = fragments_.at(p);
  auto const range = plan_.table.fragment(p);
  std::vector<std::vector<float>> rooms(members.size());
  std::vector<outer::Weighted> weighted;
  for (std::size_t m = 0; m < members.size(); ++m) {
    auto const& [payload, weight, older_base] = members[m];
    auto& room = rooms[m];
    auto delta = outer::decoded(plan_.codec, *payload, room);
    if (older_base && fragment.history) {
      if (delta.data() != room.data()) room.assign(delta.begin(), delta.end());
      fragment.history->shift(*older_base, room);
      delta = room;
    }
    weighted.push_back({delta, weight});
  }
  auto const rule =
      plan_.outer.merge == deck::MergeKind::rda ? outer::MergeRule::rda : outer::MergeRule::average;
  auto const merged = std::span(merged_).first(range.size);
  outer::merge(rule, plan_.table.tensors_of(p), range, weighted, merged);
  fragment.optimizer.step(merged, fragment.theta);
  publish(fragment, commits);
}

void OuterModel::save(base::Writer& writer) const {
  auto const momentum = writer.group("outer_optimizer");
  auto const model = writer.group("model");
  for (auto const& [p, fragment] : fragments_) {
    auto const group = momentum->group(fmt::format("fragment_{}", p));
    fragment.optimizer.save(*group);
    save_tensors(*model, plan_.table.tensors_of(p), plan_.table.fragment(p).offset, fragment.theta);
  }
}

void OuterModel::load_fragment(int p, base::Reader const& reader, std::uint64_t commits) {
  auto& fragment = fragments_.at(p);
  fragment.optimizer.load(*reader.group("outer_optimizer")->group(fmt::format("fragment_{}", p)));
  load_tensors(*reader.group("model"), plan_.table.tensors_of(p), plan_.table.fragment(p).offset,
               fragment.theta);
  publish(fragment, commits);
}

}  // namespace atl::train
