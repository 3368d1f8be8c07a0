// How shard 0 has checkpoints made, on the way and at the end, and what becomes of them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/sets.hpp"
#include "train/hub.hpp"

namespace atl::train {

namespace {

bool has_model(std::vector<protocol::Participant> const& missing) {
  using Kind = protocol::Participant::Kind;
  return std::ranges::all_of(missing, [](auto const& who) { return who.kind == Kind::site; });
}

}  // namespace

// A set is named after the clock, or one more than the last where the clock has not moved since. The last may
// have been given up, and someone still be writing to it.
std::uint64_t Hub::next_label() const { return last_label_ ? std::max(clock_, *last_label_ + 1) : clock_; }

void Hub::request(protocol::Purpose purpose, double now_s) {
  called_at_ = clock_;
  carry_out(quiet_.request(purpose, next_label(), now_s), now_s);
  for (auto const& who : lost_) carry_out(quiet_.on_lost(who, now_s), now_s);
}

std::set<protocol::Participant> Hub::everyone() const {
  std::set<protocol::Participant> everyone;
  using Kind = protocol::Participant::Kind;
  for (int site = 0; site < effective_sites(plan_.config); ++site) everyone.insert({Kind::site, site});
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard) everyone.insert({Kind::shard, shard});
  for (auto const& who : lost_) everyone.erase(who);
  return everyone;
}

void Hub::begin_snapshot(double now_s) {
  is_checkpoint_late_ = false;
  requested_s_ = now_s;
  carry_out(snapshot_.begin(next_label(), everyone(), now_s), now_s);
}

void Hub::end_snapshot() {
  recorded_.clear();
  for (auto const& line : std::exchange(later_lines_, {})) write(line);
}

void Hub::carry_out(std::vector<protocol::SnapshotAction> const& actions, double now_s) {
  for (auto const& action : actions) {
    if (auto const* cut = std::get_if<protocol::BeginCut>(&action)) {
      start_set(cut->marker.step);
      recorded_.insert({protocol::Participant::Kind::shard, 0});
      to_own_shard_(cut->marker);
      continue;
    }
    if (auto const* sealed = std::get_if<protocol::Seal>(&action)) {
      seal(*sealed, now_s);
    } else {
      give_up(std::get<protocol::GiveUp>(action).why, now_s);
    }
    end_snapshot();
  }
}

void Hub::carry_out(std::vector<protocol::QuietAction> const& actions, double now_s) {
  for (auto const& action : actions) {
    if (auto const* send = std::get_if<protocol::SendToAll>(&action)) {
      if (auto const* hold = std::get_if<protocol::Hold>(&send->message)) {
        purpose_ = hold->purpose;
        requested_s_ = now_s;
      }
      if (auto const* save = std::get_if<protocol::Save>(&send->message)) start_set(save->step);
      send_to_all(send->message);
    } else if (auto const* sealed = std::get_if<protocol::Seal>(&action)) {
      seal(*sealed, now_s);
    } else {
      give_up(std::get<protocol::GiveUp>(action).why, now_s);
    }
  }
}

void Hub::give_up(std::string const& why, double now_s) {
  failure_ = why;
  write(fault_json(now_s - start_s_, clock_, why));
  base::log::warn(fmt::format("no checkpoint at step {}: {}", clock_, why));
  tell_status();
}

void Hub::start_set(std::uint64_t step) {
  last_label_ = step;
  try {
    checkpoint::start_set(folder_.checkpoints(), step);
  } catch (base::RuntimeFailure const& failure) {
    // The writers will find no folder and say so; the run goes on without this checkpoint.
    base::log::warn_once("checkpoint folder", failure.what());
  }
}

// Sites have one another's state, or as good as that; shards have not.
bool Hub::can_go_on_without(std::vector<protocol::Participant> const& missing) const {
  if (plan_.config.run.method != deck::Method::decoupled) return missing.empty();
  return has_model(missing) && std::ssize(missing) < effective_sites(plan_.config);
}

void Hub::seal(protocol::Seal const& seal, double now_s) {
  try {
    auto const set = seal_set(plan_, folder_, seal, elapsed_before_s_ + now_s - start_s_);
    bool const is_resumable = can_go_on_without(seal.missing);
    bool const finishes = seal.purpose == protocol::Purpose::finish;
    bool const is_result = finishes && has_model(seal.missing);
    if (is_resumable || is_result) newest_set_ = set.folder.string();
    failure_.clear();
    if (finishes && !is_result)
      failure_ = fmt::format("{} did not come to rest in time", protocol::describe(seal.missing));
    auto const line = to_json(CheckpointLine{.time_s = now_s - start_s_,
                                             .step = seal.step,
                                             .path = set.folder.string(),
                                             .bytes = set.bytes,
                                             .seconds = base::now_s() - requested_s_});
    console_.observe(line);
    write(line);
    tell_status();
    if (is_resumable) prune_sets(plan_, folder_, seal.step);
    if (seal.missing.empty()) return;
    base::log::warn(fmt::format(
        "{} holds nothing of {}, which did not come to rest in time: {}", set.folder.string(),
        protocol::describe(seal.missing),
        is_resumable ? "in a resumed run it begins with the state of another" : "it cannot be resumed"));
  } catch (base::RuntimeFailure const& failure) {
    give_up(fmt::format("it was not sealed: {}", failure.what()), now_s);
  }
}

}  // namespace atl::train
