#include "sim/fleet/decoupled_site.hpp"

#include <cmath>
#include <utility>

namespace atl::sim {

using namespace protocol;

namespace {

constexpr double look_every_s = 0.1;  // for what has arrived, while a site stands still

}  // namespace

void DecoupledSite::begin() {
  auto const& run = around_.config.decoupled;
  ++lives_;
  machine_.emplace(SiteMachine::Options{.site = site_,
                                        .fragments = run.fragments,
                                        .incarnation = lives_,
                                        .heals = lives_ > 1,
                                        .receive = run.receive,
                                        .late = run.late,
                                        .in_flight = run.in_flight});
  around_.post.to_syncer(site_, Hello{.incarnation = lives_, .heals = lives_ > 1});
  plan(around_.events.now_s());
}

void DecoupledSite::vanish() {
  machine_.reset();
  step_s_.reset();
  left_s_.reset();
  ++ticket_;
  around_.post.lose(site_);
}

bool DecoupledSite::change(SiteState const& state) {
  double const now_s = around_.events.now_s();
  bool const is_gone = state.kind == SiteState::Kind::away;
  bool const could_train = std::exchange(can_train_, state.kind == SiteState::Kind::training);
  sum_up(could_train);
  if (can_train_) share_ = state.share;
  if (is_gone) {
    vanish();
  } else if (!machine_) {
    begin();
  } else if (step_s_ && could_train && !can_train_) {
    left_s_ = planned_s_ - now_s;
    ++ticket_;
  } else if (left_s_ && can_train_) {
    plan(now_s + *std::exchange(left_s_, std::nullopt));
  }
  return is_gone;
}

void DecoupledSite::plan(double time_s) {
  planned_s_ = time_s;
  around_.events.plan(time_s, Event::Kind::boundary, static_cast<std::uint32_t>(site_), ++ticket_);
}

void DecoupledSite::sum_up(bool could_train) {
  double const passed_s = around_.events.now_s() - std::exchange(summed_up_s_, around_.events.now_s());
  if (!could_train) return;
  around_.tally.able_s += passed_s;
  if (!step_s_) around_.tally.waited_s += passed_s;
}

void DecoupledSite::on_boundary(std::uint64_t ticket) {
  if (ticket != ticket_) return;
  sum_up(can_train_);
  auto& tally = around_.tally;
  std::optional<StepDone> done;
  if (step_s_) {
    auto const tokens = std::llround(share_ * static_cast<double>(site_tokens));
    done = StepDone{.tokens = static_cast<std::uint64_t>(tokens), .step_s = *step_s_};
    tally.tokens += done->tokens;
    tally.trained_s += *step_s_ * share_;
  }
  step_s_.reset();
  inbox_.clear();
  around_.post.collect(site_, inbox_);
  tally.messages += inbox_.size();
  for (auto& action : machine_->on_boundary(done, inbox_)) carry_out(action);
  go_on();
}

// The next step, or a sign of life where there can be none yet.
void DecoupledSite::go_on() {
  double const now_s = around_.events.now_s();
  if (can_train_ && machine_->is_ready()) {
    step_s_ = around_.fleet.step_s(site_, machine_->step());
    plan(now_s + *step_s_);
  } else {
    plan(now_s + look_every_s);
  }
}

void DecoupledSite::carry_out(SiteAction& action) {
  auto& post = around_.post;
  auto const& run = around_.config.decoupled;
  if (auto* const progress = std::get_if<SendProgress>(&action)) {
    post.to_syncer(site_, std::move(progress->progress));
  } else if (auto const* contribute = std::get_if<Contribute>(&action)) {
    post.to_syncer(site_, contribute->contribution, run.parameters / run.fragments * run.bits);
  } else if (auto const* send = std::get_if<SendToSite>(&action)) {
    post.to_site(send->site, std::get<StateRequest>(send->message));
  } else if (auto const* give = std::get_if<GiveState>(&action)) {
    double const bits = 8e9 * around_.config.fleet.state_gbyte;
    post.to_site(give->site, HeldState{give->state, some_payload}, bits);
  }
}

}  // namespace atl::sim
