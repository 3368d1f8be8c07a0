#include "train/outer_model.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/memory_archive.hpp"
#include "outer/codec.hpp"
#include "outer/merge.hpp"
#include "protocol/encoding.hpp"
#include "train/initial_model.hpp"
#include "train/model_archive.hpp"

namespace atl::train {

namespace {

transport::Payload payload_of(std::vector<std::byte> bytes) {
  return std::make_shared<std::vector<std::byte> const>(std::move(bytes));
}

}  // namespace

OuterModel::OuterModel(RunPlan const& plan, int shard) : plan_(plan), merged_(plan.table.largest_fragment()) {
  for (int p = shard; p < plan.table.fragments(); p += plan.config.syncer.ranks) make(p);
}

OuterModel::Fragment& OuterModel::make(int p) {
  auto const& outer = plan_.outer;
  outer::OuterOptimizer::Options const options{
      .lr = outer.lr,
      .momentum = outer.optimizer == deck::OuterOptimizerKind::nesterov ? outer.momentum : 0.0};
  auto const size = plan_.table.fragment(p).size;
  Fragment fragment{std::vector<float>(size), {}, {}, {options, size}, {}};
  if (outer.anchor == deck::Anchor::current)
    fragment.history.emplace(plan_.release_codec, outer.max_staleness);
  return fragments_.insert_or_assign(p, std::move(fragment)).first->second;
}

void OuterModel::initialize() {
  for (auto const& [p, fragment] : fragments_) initialize(p);
}

void OuterModel::initialize(int p) {
  InitialModel const initial(plan_);
  auto const tensors = plan_.table.tensors();
  auto& fragment = fragments_.at(p);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].fragment != p) continue;
    auto const begin = tensors[i].range.offset - plan_.table.fragment(p).offset;
    initial.fill(i, std::span(fragment.theta).subspan(begin, tensors[i].size()));
  }
  publish(fragment, 0, payload_of(outer::encode(plan_.release_codec, fragment.theta)));
}

transport::Payload OuterModel::replica(int p) const {
  check(p);
  auto const& fragment = fragments_.at(p);
  base::Values values;
  base::MemoryWriter writer(values);
  fragment.optimizer.save(*writer.group("optimizer"));
  writer.write("theta", std::span<float const>(fragment.theta));
  auto const* release = reinterpret_cast<char const*>(fragment.release->data());
  if (is_lossy()) writer.write("release", std::string_view(release, fragment.release->size()));
  protocol::Encoder encoder(longest_replica_bytes(plan_));
  encoder.put(values);
  return payload_of(std::move(encoder).take());
}

void OuterModel::install(int p, std::uint64_t commits, transport::Payload const& replica) {
  auto& fragment = make(p);
  if (!replica) return initialize(p);
  base::Values values;
  protocol::Decoder decoder("replica", *replica);
  decoder.get(values);
  decoder.end();
  base::MemoryReader const reader(values);
  fragment.optimizer.load(*reader.group("optimizer"));
  reader.read("theta", std::span(fragment.theta));
  auto release = payload_of(outer::encode(plan_.release_codec, fragment.theta));
  if (is_lossy()) {
    auto const text = reader.read_text("release");
    auto const bytes = std::as_bytes(std::span(text));
    if (bytes.size() != release->size()) throw base::RuntimeFailure("a replica's release is of another size");
    release = payload_of({bytes.begin(), bytes.end()});
  }
  publish(fragment, commits, std::move(release));
}

std::size_t OuterModel::longest_replica_bytes(RunPlan const& plan) {
  constexpr std::size_t names = 4096;
  return 3 * sizeof(float) * plan.table.largest_fragment() + names;
}

base::Digest OuterModel::digest(int fragment) const {
  std::vector<float> room;
  return base::digest_of(released(fragments_.at(fragment), room));
}

std::span<float const> OuterModel::released(Fragment const& fragment, std::vector<float>& room) const {
  return outer::decoded(plan_.release_codec, *fragment.release, fragment.theta.size(), room);
}

protocol::TapedVersion OuterModel::taped(int p, protocol::Version const& version) const {
  return {static_cast<std::uint32_t>(p), version, digest(p)};
}

OuterModel::Member OuterModel::member(protocol::Member const& member, transport::Payload payload) {
  bool const is_behind = member.rounds_late == 0 && member.staleness > 0;  // a carried one keeps its base
  return {std::move(payload), member.weight,
          is_behind ? std::optional(member.contribution.base.commits) : std::nullopt};
}

// The last release may still be on its way to a slow site, so there is a new one for every version.
void OuterModel::publish(Fragment& fragment, std::uint64_t commits, transport::Payload release) {
  fragment.release = std::move(release);
  fragment.made = state_digest(fragment);
  if (fragment.history) fragment.history->keep(commits, fragment.release);
}

base::Digest OuterModel::state_digest(Fragment const& fragment) {
  base::DigestStream stream;
  stream.update(std::as_bytes(std::span(fragment.theta)));
  stream.update(std::as_bytes(fragment.optimizer.momentum()));
  return stream.value();
}

void OuterModel::check(int p) const {
  if (state_digest(fragments_.at(p)) == fragments_.at(p).made) return;
  throw Corrupted(fmt::format("fragment {} is not what its last commit made: memory has changed", p));
}

// What a difference leaves out stays between Theta and its release, and so goes into the next.
void OuterModel::publish_step(Fragment& fragment, std::uint64_t commits) {
  if (!plan_.difference_codec)
    return publish(fragment, commits, payload_of(outer::encode(plan_.release_codec, fragment.theta)));
  std::vector<float> room;
  auto const way = std::span(merged_).first(fragment.theta.size());
  outer::difference(fragment.theta, released(fragment, room), way);
  fragment.difference = payload_of(outer::encode(*plan_.difference_codec, way));
  publish(fragment, commits,
          payload_of(outer::moved(*fragment.release, *plan_.difference_codec, *fragment.difference)));
}

void OuterModel::commit(int p, std::uint64_t commits, std::vector<Member> const& members) {
  check(p);
  auto& fragment = fragments_.at(p);
  auto const range = plan_.table.fragment(p);
  std::vector<std::vector<float>> rooms(members.size());
  std::vector<outer::Weighted> weighted;
  for (std::size_t m = 0; m < members.size(); ++m) {
    auto const& [payload, weight, older_base] = members[m];
    auto& room = rooms[m];
    auto delta = outer::decoded(plan_.codec, *payload, range.size, room);
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
  publish_step(fragment, commits);
}

void OuterModel::save(base::Writer& writer) const {
  auto const optimizer = writer.group("outer_optimizer");
  auto const model = writer.group("model");
  std::vector<float> room;
  for (auto const& [p, fragment] : fragments_) {
    check(p);
    auto const group = optimizer->group(fmt::format("fragment_{}", p));
    fragment.optimizer.save(*group);
    if (is_lossy()) group->write("theta", std::span<float const>(fragment.theta));
    if (fragment.history) fragment.history->save(*group->group("history"), fragment.theta.size());
    save_tensors(*model, plan_.table.tensors_of(p), plan_.table.fragment(p).offset, released(fragment, room));
  }
}

void OuterModel::load(int p, base::Reader const& reader, std::uint64_t commits) {
  auto& fragment = fragments_.at(p);
  auto const group = reader.group("outer_optimizer")->group(fmt::format("fragment_{}", p));
  fragment.optimizer.load(*group);
  if (fragment.history) fragment.history->load(*group->group("history"), fragment.theta.size());
  load_tensors(*reader.group("model"), plan_.table.tensors_of(p), plan_.table.fragment(p).offset,
               fragment.theta);
  auto release = payload_of(outer::encode(plan_.release_codec, fragment.theta));
  if (is_lossy()) group->read("theta", std::span(fragment.theta));
  publish(fragment, commits, std::move(release));
}

}  // namespace atl::train
