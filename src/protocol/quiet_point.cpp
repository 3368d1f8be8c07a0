#include "protocol/quiet_point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace atl::protocol {

namespace {

// Writing a large state takes longer than coming to rest.
constexpr double save_patience = 30.0;

}  // namespace

std::string describe(Participant const& who) {
  return fmt::format("{} {}", who.kind == Participant::Kind::site ? "site" : "shard", who.index);
}

std::string describe(std::vector<Participant> const& all) {
  std::string names;
  for (auto const& who : all) names += (names.empty() ? "" : ", ") + describe(who);
  return names;
}

QuietPoint::QuietPoint(int sites, int shards, double patience_s) : checkpoint_patience_s_(patience_s) {
  for (int site = 0; site < sites; ++site) everyone_.insert({Participant::Kind::site, site});
  for (int shard = 0; shard < shards; ++shard) everyone_.insert({Participant::Kind::shard, shard});
}

std::vector<QuietAction> QuietPoint::request(Purpose purpose, std::uint64_t step, double now_s) {
  std::vector<QuietAction> actions;
  bool const outranks = request_.purpose == Purpose::checkpoint && purpose != Purpose::checkpoint;
  if (phase_ == Phase::idle || (phase_ == Phase::holding && outranks)) {
    start({purpose, step}, now_s, actions);
  } else if (phase_ == Phase::saving && outranks && !next_) {
    next_ = {purpose, step};
  }
  return actions;
}

std::vector<QuietAction> QuietPoint::on_held(Participant who, Held const& held, double now_s) {
  std::vector<QuietAction> actions;
  if (!is_active() || held.id != id_ || !everyone_.contains(who)) return actions;
  if (held.taken_back) {
    held_.erase(who);
    if (phase_ == Phase::saving) start(std::exchange(next_, std::nullopt).value_or(request_), now_s, actions);
  } else if (phase_ == Phase::holding) {
    held_.insert(who);
    if (held_ == everyone_) start_saving(now_s, actions);
  }
  return actions;
}

std::vector<QuietAction> QuietPoint::on_saved(Participant who, Saved const& saved, double now_s) {
  std::vector<QuietAction> actions;
  if (phase_ != Phase::saving || saved.id != id_ || !held_.contains(who)) return actions;
  if (!saved.failure.empty()) {
    actions.emplace_back(GiveUp{fmt::format("{} could not save: {}", describe(who), saved.failure)});
    end(now_s, actions);
    return actions;
  }
  if (!saved_.insert(who).second) return actions;
  files_.insert(files_.end(), saved.files.begin(), saved.files.end());
  if (saved_ != held_) return actions;

  std::ranges::sort(files_, {}, &SavedFile::name);
  actions.emplace_back(Seal{.step = request_.step,
                            .purpose = request_.purpose,
                            .files = std::move(files_),
                            .missing = not_among(held_)});
  end(now_s, actions);
  return actions;
}

std::vector<QuietAction> QuietPoint::on_lost(Participant who, double now_s) {
  std::vector<QuietAction> actions;
  everyone_.erase(who);
  bool const had_held = held_.erase(who) > 0;
  if (phase_ == Phase::saving && had_held) start(request_, now_s, actions);
  if (phase_ == Phase::holding && held_ == everyone_) start_saving(now_s, actions);
  return actions;
}

void QuietPoint::on_movement(double at_s) {
  bool const counts = phase_ == Phase::holding && request_.purpose != Purpose::checkpoint;
  if (counts) give_up_s_ = std::max(give_up_s_, at_s + patience_s());
}

std::vector<QuietAction> QuietPoint::on_timer(double now_s) {
  std::vector<QuietAction> actions;
  if (!is_active() || now_s < give_up_s_) return actions;
  if (phase_ == Phase::saving) {
    actions.emplace_back(GiveUp{fmt::format("no answer from {} to the order to save", describe(unsaved()))});
    end(now_s, actions);
    return actions;
  }
  if (request_.purpose != Purpose::checkpoint && !held_.empty()) {
    start_saving(now_s, actions);
    return actions;
  }
  actions.emplace_back(
      GiveUp{fmt::format("not at rest after {:.0f} s: {}", patience_s(), describe(not_among(held_)))});
  end(now_s, actions);
  return actions;
}

std::optional<double> QuietPoint::next_timer_s() const {
  return is_active() ? std::optional(give_up_s_) : std::nullopt;
}

std::optional<Purpose> QuietPoint::purpose() const {
  return is_active() ? std::optional(request_.purpose) : std::nullopt;
}

std::vector<Participant> QuietPoint::waiting_for() const {
  if (!is_active()) return {};
  return phase_ == Phase::saving ? unsaved() : not_among(held_);
}

void QuietPoint::start(Request request, double now_s, std::vector<QuietAction>& actions) {
  request_ = request;
  phase_ = Phase::holding;
  give_up_s_ = now_s + patience_s();
  held_.clear();
  actions.emplace_back(SendToAll{Hold{.id = ++id_, .purpose = request_.purpose}});
}

void QuietPoint::start_saving(double now_s, std::vector<QuietAction>& actions) {
  phase_ = Phase::saving;
  give_up_s_ = now_s + save_patience * checkpoint_patience_s_;
  saved_.clear();
  files_.clear();
  actions.emplace_back(SendToAll{Save{.id = id_, .step = request_.step}});
}

void QuietPoint::end(double now_s, std::vector<QuietAction>& actions) {
  bool const leave = request_.purpose != Purpose::checkpoint;
  phase_ = leave ? Phase::over : Phase::idle;
  actions.emplace_back(SendToAll{Go{.id = id_, .leave = leave}});
  if (auto const next = std::exchange(next_, std::nullopt)) start(*next, now_s, actions);
}

double QuietPoint::patience_s() const {
  return request_.purpose == Purpose::checkpoint ? checkpoint_patience_s_ : 4 * checkpoint_patience_s_;
}

std::vector<Participant> QuietPoint::unsaved() const {
  std::vector<Participant> rest;
  std::ranges::set_difference(held_, saved_, std::back_inserter(rest));
  return rest;
}

std::vector<Participant> QuietPoint::not_among(std::set<Participant> const& done) const {
  std::vector<Participant> rest;
  std::ranges::set_difference(everyone_, done, std::back_inserter(rest));
  return rest;
}

}  // namespace atl::protocol
