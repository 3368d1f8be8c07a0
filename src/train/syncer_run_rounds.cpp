// What a shard does with contributions: takes, refuses, merges them.
#include <fmt/format.h>

#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "deck/deck.hpp"
#include "outer/codec.hpp"
#include "train/metrics.hpp"
#include "train/peers.hpp"
#include "train/syncer_run.hpp"

namespace atl::train {

void SyncerRun::on_contribution(transport::Frame const& frame) {
  auto const& contribution = std::get<protocol::Contribution>(frame.message);
  auto const fragment = static_cast<int>(contribution.fragment);
  bool const fits =
      model_ && contribution.fragment < static_cast<std::uint32_t>(plan_.table.fragments()) &&
      frame.payload &&
      frame.payload->size() == outer::encoded_bytes(plan_.codec, plan_.table.fragment(fragment).size);
  if (!fits) {
    // The machine still hears of it, so that the site learns that it was refused.
    base::log::warn_once("contribution",
                         fmt::format("site {} sent a contribution of the wrong size", frame.from.index));
  }
  if (fits && cut_.records(frame.from.index))
    in_flight_.push_back({frame.from.index, contribution, frame.payload});
  auto const handle = ++last_handle_;
  auto const site = static_cast<std::uint32_t>(frame.from.index);
  auto& held = held_[handle] = {frame.payload, frame.wire_bytes, {site, contribution}};
  std::vector<float> room;
  protocol::PayloadFacts facts{.payload = handle, .finite = false};
  if (fits) {
    auto const delta = outer::decoded(plan_.codec, *frame.payload, plan_.table.fragment(fragment).size, room);
    facts.finite = outer::is_finite(delta);
    facts.norm = outer::norm(delta);
  }
  auto const refused_before = machine_.rejections();
  auto const actions = machine_.on_contribution(frame.from.index, contribution, facts, base::now_s());
  auto refused = protocol::Reason::none;
  for (auto const& [reason, count] : machine_.rejections()) {
    auto const before = refused_before.find(reason);
    if (reason == protocol::Reason::unusual_norm) continue;  // of any site, at a close: see carry_out
    if (before == refused_before.end() || before->second < count) refused = reason;
  }
  held.refused = refused;
  carry_out(actions);
  if (refused != protocol::Reason::none) note_refusal(frame.from.index, refused);
}

// A late contribution is an everyday matter; what the gate refuses is not.
void SyncerRun::note_refusal(int site, protocol::Reason reason) {
  auto const what = fmt::format("a contribution of site {} was refused: {}", site, protocol::name(reason));
  if (reason == protocol::Reason::unknown_round) return base::log::info(what);
  report(fault_json(base::now_s() - start_s_, machine_.clock(), what,
                    protocol::Participant{protocol::Participant::Kind::site, site}));
  if (deck::is_synchronous(plan_.config.run.method)) {
    throw base::RuntimeFailure(what + "; a synchronous method cannot do without it");
  }
  base::log::warn_once(fmt::format("refused {} {}", site, protocol::name(reason)), what);
}

void SyncerRun::report_refusals() {
  ShardEndLine line{.time_s = base::now_s() - start_s_,
                    .step = machine_.clock(),
                    .shard = shard_,
                    .refused = transport_.counters().refused_by_cause};
  for (auto const& [reason, count] : machine_.rejections()) line.refused[protocol::name(reason)] = count;
  report(to_json(line));
}

void SyncerRun::discard(protocol::PayloadHandle payload) {
  replicas_.erase(payload);
  auto const held = held_.extract(payload);
  if (!held || !tape_) return;
  // Its site will be told, and may tell more than this shard lives to write.
  tape_->put(protocol::TapedDiscard{held.mapped().from, held.mapped().refused});
  tape_->flush();
}

void SyncerRun::commit(protocol::Commit const& commit) {
  auto const clock = machine_.clock();
  CommitLine line{.step = stops_each(plan_.config) ? std::min(clock, plan_.config.run.steps) : clock,
                  .fragment = static_cast<int>(commit.fragment),
                  .version = commit.version.commits,
                  .absent = commit.absent,
                  .wait_s = commit.wait_s};
  std::vector<OuterModel::Member> members;
  double total = 0.0;
  for (auto const& member : commit.members) {
    auto const& held = held_.at(member.payload);
    members.push_back(OuterModel::member(member, held.payload));
    total += member.weight;
    line.members.push_back(member.site);
    line.staleness.push_back(member.staleness);
    line.rounds_late.push_back(member.rounds_late);
    line.tokens += member.contribution.work.tokens;
    line.wire_bytes += held.wire_bytes;
  }
  for (auto const& member : commit.members) line.weights.push_back(member.weight / total);
  double const begin_s = base::now_s();
  model_->commit(line.fragment, commit.version.commits, members);
  if (tape_) tape_commit(commit);
  trace_.add(Work::merge, begin_s, base::now_s(), line.fragment);
  trace_.add(Work::round, begin_s - commit.wait_s, begin_s, line.fragment);
  for (auto const& member : commit.members) held_.erase(member.payload);
  line.time_s = base::now_s() - start_s_;
  report(to_json(line));
}

}  // namespace atl::train
