#include "sim/fleet/decoupled.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/error.hpp"
#include "protocol/syncer_machine.hpp"
#include "sim/fleet/decoupled_site.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

deck::OuterSection outer_of(DecoupledSection const& run, int sites) {
  deck::OuterSection outer;
  outer.interval_steps = run.interval_steps;
  outer.fragments = run.fragments;
  outer.quorum = std::max(1, static_cast<int>(std::ceil(run.quorum_share * sites)));
  outer.overlap_steps = run.overlap_steps;
  outer.grace_floor_steps = run.grace_floor_steps;
  outer.grace_cap_s = run.grace_cap_s;
  outer.receive = run.receive;
  outer.late = run.late;
  outer.max_staleness = run.max_staleness;
  outer.in_flight = run.in_flight;
  outer.dead_after_s = run.dead_after_s;
  outer.gate_z = 0.0;  // payloads have no norm
  return outer;
}

class DecoupledFleet {
 public:
  DecoupledFleet(DecoupledConfig const& config, int sites)
      : config_(config),
        fleet_(config.fleet, config.link,
               {.chips = static_cast<double>(config.decoupled.site_chips) * sites,
                .sites = sites,
                .scavenged = config.fleet.scavenged}),
        post_(config.link, config.decoupled.syncer_gbit_s, sites, events_),
        syncer_(
            {.sites = sites, .max_tokens_per_step = site_tokens, .outer = outer_of(config.decoupled, sites)}),
        able_(sites) {
    for (int site = 0; site < sites; ++site)
      sites_.emplace_back(DecoupledSite::Surroundings{config_, fleet_, events_, post_, tally_}, site);
  }

  DecoupledRow run(std::function<void(double)> const& progress);

 private:
  void happen(Event const& event);
  void plan_change() { events_.plan(fleet_.next_s(), Event::Kind::fault_begins, 0); }
  void change_site();
  void deliver(Mail mail);
  void carry_out(std::vector<SyncerAction>& actions);
  void count(Commit const& commit);
  void plan_timer();
  DecoupledRow row() const;

  DecoupledConfig const& config_;
  Fleet fleet_;
  EventQueue events_;
  FleetPost post_;
  FleetTally tally_;
  SyncerMachine syncer_;
  std::deque<DecoupledSite> sites_;
  std::optional<double> timer_s_;
  std::uint64_t ticket_ = 0;  // of the timer

  int able_;  // sites whose chips can train
  double up_s_ = 0.0, able_since_s_ = 0.0;
  std::uint64_t commits_ = 0, members_ = 0, staleness_ = 0;
  double participation_ = 0.0;       // summed over commits
  std::uint64_t merged_tokens_ = 0;  // of all fragments
};

DecoupledRow DecoupledFleet::run(std::function<void(double)> const& progress) {
  auto const steps = config_.decoupled.steps;
  double const limit_s =
      1e6 + 100.0 * static_cast<double>(steps) * config_.fleet.step_s * config_.fleet.slowest;
  for (auto& site : sites_) site.begin();
  plan_change();
  std::uint64_t told = 0;
  while (syncer_.clock() < steps) {
    happen(events_.next());
    if (events_.now_s() > limit_s)
      throw base::RuntimeFailure(fmt::format("after {:.0f} virtual seconds the clock is at {} of {}: {}",
                                             limit_s, syncer_.clock(), steps, syncer_.waiting_for()));
    if (syncer_.clock() > told)
      progress(static_cast<double>(told = syncer_.clock()) / static_cast<double>(steps));
  }
  return row();
}

void DecoupledFleet::happen(Event const& event) {
  if (event.kind == Event::Kind::boundary) return sites_[event.who].on_boundary(event.ticket);
  if (event.kind == Event::Kind::fault_begins) return change_site();
  if (event.kind == Event::Kind::arrival) {
    deliver(post_.take(event.who));
  } else if (event.ticket == ticket_) {
    timer_s_.reset();
    auto actions = syncer_.on_timer(events_.now_s());
    carry_out(actions);
  }
  plan_timer();
}

void DecoupledFleet::change_site() {
  auto const change = fleet_.next();
  plan_change();
  if (able_ > 0) up_s_ += events_.now_s() - able_since_s_;
  able_since_s_ = events_.now_s();
  auto& site = sites_[static_cast<std::size_t>(change.site)];
  able_ -= site.can_train();
  bool const is_gone = site.change(change.state);
  able_ += site.can_train();
  if (!is_gone) return;
  auto actions = syncer_.on_site_lost(change.site, events_.now_s());
  carry_out(actions);
  plan_timer();
}

void DecoupledFleet::deliver(Mail mail) {
  double const now_s = events_.now_s();
  std::vector<SyncerAction> actions;
  if (auto const* progress = std::get_if<Progress>(&mail.message)) {
    actions = syncer_.on_progress(mail.site, *progress, now_s);
  } else if (auto const* contribution = std::get_if<Contribution>(&mail.message)) {
    actions = syncer_.on_contribution(mail.site, *contribution, {.payload = some_payload}, now_s);
  } else if (auto const* hello = std::get_if<Hello>(&mail.message)) {
    actions = syncer_.on_admitted(mail.site, hello->incarnation, now_s, hello->heals);
    post_.to_site(mail.site, syncer_.welcome(mail.site));
  }
  carry_out(actions);
}

void DecoupledFleet::carry_out(std::vector<SyncerAction>& actions) {
  auto const& run = config_.decoupled;
  for (auto& action : actions) {
    if (auto* const send = std::get_if<SendToSite>(&action)) {
      if (auto* const pull = std::get_if<Pull>(&send->message)) post_.to_site(send->site, *pull);
      if (auto* const cancel = std::get_if<Cancel>(&send->message)) post_.to_site(send->site, *cancel);
      if (auto* const notice = std::get_if<FateNotice>(&send->message)) post_.to_site(send->site, *notice);
    } else if (auto const* release = std::get_if<SendRelease>(&action)) {
      post_.release(release->site, {release->release, some_payload},
                    run.parameters / run.fragments * run.release_bits);
    } else if (auto const* commit = std::get_if<Commit>(&action)) {
      count(*commit);
    }
  }
}

void DecoupledFleet::count(Commit const& commit) {
  ++commits_;
  members_ += commit.members.size();
  participation_ += static_cast<double>(commit.members.size()) / std::max(1, syncer_.live_count());
  for (auto const& member : commit.members) {
    staleness_ += member.staleness;
    merged_tokens_ += member.contribution.work.tokens;
  }
}

void DecoupledFleet::plan_timer() {
  auto const next_s = syncer_.next_timer_s();
  if (!next_s || (timer_s_ && *timer_s_ <= *next_s)) return;
  timer_s_ = next_s;
  events_.plan(*next_s, Event::Kind::timer, 0, ++ticket_);
}

DecoupledRow DecoupledFleet::row() const {
  double const now_s = events_.now_s(), all_s = now_s * static_cast<double>(sites_.size());
  auto const share = [](double part, double whole) { return whole > 0.0 ? part / whole : 0.0; };
  return {.sites = static_cast<int>(sites_.size()),
          .commits = commits_,
          .events = events_.count() + tally_.messages,
          .virtual_s = now_s,
          .participation = share(participation_, static_cast<double>(commits_)),
          .staleness = share(static_cast<double>(staleness_), static_cast<double>(members_)),
          .exposed_wait = share(tally_.waited_s, tally_.able_s),
          .goodput = share(tally_.trained_s, fleet_.allocated_s(now_s)),
          .merged = share(static_cast<double>(merged_tokens_),
                          static_cast<double>(tally_.tokens) * config_.decoupled.fragments),
          .uptime = share(up_s_ + (able_ > 0 ? now_s - able_since_s_ : 0.0), now_s),
          .site_gbit_s = share(post_.bits_moved(), all_s) / 1e9};
}

}  // namespace

DecoupledRow simulate_decoupled(DecoupledConfig const& config, int sites,
                                std::function<void(double)> const& progress) {
  return DecoupledFleet(config, sites).run(progress);
}

}  // namespace atl::sim
