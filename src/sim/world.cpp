#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace atl::sim {

using protocol::Commit;

namespace {

constexpr std::uint64_t most_events = 5'000'000;  // a run with more goes round in circles

}  // namespace

World::World(Scenario scenario, Trace& trace, SavedRun const* from, Recorder* recorder,
             Problem const* problem)
    : scenario_(std::move(scenario)),
      quadratic_(scenario_.outer.fragments, scenario_.seed),
      faults_(scenario_.layout.size()),
      network_(scenario_.layout, scenario_.links, scenario_.seed, events_, faults_),
      watch_(make_invariants(scenario_, faults_)),
      trace_(trace),
      draws_(scenario_.seed, Stream::sites),
      stage_{scenario_, problem ? *problem : quadratic_,
             events_,   faults_,
             network_,  watch_,
             trace_,    draws_,
             vault_,    recorder},
      from_(from),
      ambushes_(scenario_.ambushes) {
  for (int m = 0; m < scenario_.layout.sites; ++m) sites_.emplace_back(stage_, m);
  for (int s = 0; s < scenario_.layout.shards; ++s)
    shards_.emplace_back(stage_, s, from ? &from->shards.at(s) : nullptr);
}

void World::start() {
  for (auto& shard : shards_) shard.start();
  for (auto& site : sites_) site.start(1);
}

// Incarnations rise; a site that is not in the snapshot heals from the others.
void World::go_on() {
  for (std::size_t m = 0; m < sites_.size(); ++m) {
    auto const saved = from_->sites.find(static_cast<int>(m));
    if (saved != from_->sites.end()) sites_[m].go_on_from(saved->second);
  }
  for (auto const& made : from_->versions) recall(made);
  for (auto& shard : shards_) shard.start();
  for (std::size_t m = 0; m < sites_.size(); ++m) {
    Node const node = scenario_.layout.site(static_cast<int>(m));
    bool const is_saved = sites_[m].is_alive();
    constexpr std::uint64_t after_all_others = 1000;
    network_.begin_life(node, is_saved ? sites_[m].machine()->incarnation() : after_all_others);
    if (is_saved) {
      // What the snapshot holds of it counts before it has spoken.
      for (int shard = 0; shard < scenario_.layout.shards; ++shard)
        stage_.see(Admitted{shard, static_cast<int>(m), sites_[m].machine()->incarnation()});
      sites_[m].show_up();
    } else {
      sites_[m].start(after_all_others);
    }
  }
}

void World::recall(MadeVersion const& made) {
  Commit commit = made.commit;
  std::vector<StepSpan> holds;
  int const shard = scenario_.layout.index_of(scenario_.layout.owner_of(commit.fragment));
  if (commit.version.commits >
      shards_[static_cast<std::size_t>(shard)].machine().version(commit.fragment).commits)
    return;
  commit.members.clear();
  for (std::size_t m = 0; m < made.holds.size(); ++m) {
    auto member = made.commit.members[m];
    auto const* site = sites_[static_cast<std::size_t>(member.site)].machine();
    if (!site || ++member.contribution.incarnation != site->incarnation()) continue;
    commit.members.push_back(member);
    holds.push_back(made.holds[m]);
  }
  stage_.see(Recalled{shard, &commit, holds, made.theta});
}

Outcome World::run() {
  try {
    from_ ? go_on() : start();
    for (auto const& fault : scenario_.faults) plan_fault(fault);
    double const until_s = limit_s();
    while (!watch_.violation() && !is_over()) {
      if (events_.is_empty() || events_.next_s() > until_s || events_.count() > most_events) {
        watch_.report("4 commits go on", "the run does not come to its end", events_.now_s());
        break;
      }
      happen(events_.next());
      spring_ambushes();
      stage_.see(EventOver{});
    }
    stage_.see(RunOver{});
  } catch (std::exception const& failure) {
    watch_.report("no exception", failure.what(), events_.now_s());
  }
  std::map<protocol::Reason, std::uint64_t> refused;
  for (auto const& shard : shards_) {
    for (auto const& [reason, times] : shard.machine().rejections()) refused[reason] += times;
  }
  return {.violation = watch_.violation(),
          .events = events_.count(),
          .faults = begun_,
          .end_s = events_.now_s(),
          .loss = mean_loss(),
          .coverage = network_.coverage(),
          .digest = network_.digest(),
          .refused = std::move(refused)};
}

void World::happen(Event const& event) {
  switch (event.kind) {
    case Event::Kind::arrival:
      return deliver(event.who);
    case Event::Kind::boundary:
      return sites_[event.who].cross_boundary(event.ticket);
    case Event::Kind::timer:
      return shards_[event.who].on_timer(event.ticket);
    case Event::Kind::fault_begins:
      return begin(event.who);
    case Event::Kind::fault_ends:
      return end(event.who);
  }
}

void World::deliver(std::uint32_t channel) {
  auto frame = network_.arrive(channel);
  if (!frame) return;
  auto const& layout = scenario_.layout;
  if (trace_.is_on()) {
    trace_.line(events_.now_s(), layout.name(frame->to),
                fmt::format("<- {}: {}", layout.name(frame->from),
                            frame->is_end ? "it is gone" : describe(frame->message)));
  }
  auto const index = static_cast<std::size_t>(layout.index_of(frame->to));
  if (frame->is_end) {
    if (!layout.is_site(frame->to)) shards_[index].on_gone(frame->from, frame->life);
  } else if (layout.is_site(frame->to)) {
    sites_[index].receive(std::move(*frame));
  } else {
    shards_[index].receive(std::move(*frame));
  }
}

// ---- faults ----

void World::plan_fault(Fault const& fault) {
  auto const index = static_cast<std::uint32_t>(planned_.size());
  planned_.push_back(fault);
  is_on_.push_back(false);
  events_.plan(fault.from_s, Event::Kind::fault_begins, index);
  if (std::isfinite(fault.to_s)) events_.plan(fault.to_s, Event::Kind::fault_ends, index);
}

void World::spring_ambushes() {
  std::erase_if(ambushes_, [this](Ambush const& ambush) {
    auto const& sent = network_.sent(ambush.message);
    if (sent.count < ambush.nth) return false;
    Fault fault = ambush.fault;
    fault.node = ambush.at_sender ? sent.from : sent.to;
    auto const is_site = [this](Node node) { return scenario_.layout.is_site(node); };
    bool const is_of_shards = fault.kind == FaultKind::shard_loss;
    bool const is_of_sites =
        fault.kind == FaultKind::loss || fault.kind == FaultKind::slow || fault.kind == FaultKind::notice;
    Node const first_shard = scenario_.layout.shard(0);
    if (is_of_sites && !is_site(fault.node)) fault.node = std::min(sent.from, sent.to);
    if (is_of_shards && fault.node <= first_shard) fault.node = std::max(sent.from, sent.to);
    bool const fits = (!is_of_sites || is_site(fault.node)) && (!is_of_shards || fault.node > first_shard);
    if (!fits) return false;  // the next such message may
    fault.from_s += events_.now_s();
    fault.to_s += events_.now_s();
    if (!faults_.is_on(fault.kind, fault.node)) plan_fault(fault);
    return true;
  });
}

void World::begin(std::size_t index) {
  Fault const fault = planned_[index];
  if (!can_begin(fault)) {
    // Until another shard holds what sites have seen of this one.
    bool const may_yet =
        fault.kind == FaultKind::shard_loss && !faults_.is_gone(fault.node) && !shards_[0].is_over();
    if (may_yet)
      events_.plan(events_.now_s() + scenario_.slowest_step_s(), Event::Kind::fault_begins,
                   static_cast<std::uint32_t>(index));
    return;
  }
  is_on_[index] = true;
  if (fault.kind != FaultKind::rebirth) ++begun_;
  trace_.line(events_.now_s(), scenario_.layout.name(fault.node),
              fmt::format("*** {} begins", name(fault.kind)));
  faults_.begin(fault, events_.now_s());
  auto const which = static_cast<std::size_t>(scenario_.layout.index_of(fault.node));
  bool const is_loss = fault.kind == FaultKind::loss || fault.kind == FaultKind::shard_loss;
  if (is_loss) network_.lose(fault.node);
  if (fault.kind == FaultKind::loss) sites_[which].lose();
  if (fault.kind == FaultKind::shard_loss) shards_[which].lose();
  if (fault.kind == FaultKind::notice) sites_[which].depart();
  stage_.see(FaultChanged{&fault, true});
  // Who has not heard from it finds nobody there.
  if (fault.kind == FaultKind::shard_loss) std::ranges::for_each(sites_, &SimSite::look);
}

bool World::can_begin(Fault const& fault) const {
  auto const which = static_cast<std::size_t>(scenario_.layout.index_of(fault.node));
  if (fault.kind == FaultKind::loss) return sites_[which].is_alive();
  if (fault.kind == FaultKind::notice) return sites_[which].is_alive() && !sites_[which].departs();
  if (fault.kind != FaultKind::shard_loss) return true;
  // Nothing may depend on it alone: what it owns, and what it is about to take over.
  auto const& lost = shards_[which].machine();
  auto const others = lost.stand_ins();
  if (!shards_[which].is_alive() || !others) return false;
  for (std::uint32_t p = 0; p < static_cast<std::uint32_t>(scenario_.outer.fragments); ++p) {
    bool is_safe = false;
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
      auto const& machine = shards_[shard].machine();
      bool const may_take = others->contains(static_cast<int>(shard)) && machine.can_take(p);
      bool const is_owner = machine.owns(p) && !lost.owns(p);  // that owned it once does not count
      is_safe |= shard != which && shards_[shard].is_alive() && (is_owner || may_take);
    }
    if (!is_safe) return false;
  }
  return true;
}

void World::end(std::size_t index) {
  if (!is_on_[index]) return;
  Fault const fault = planned_[index];
  if (fault.kind == FaultKind::shard_loss) return;
  bool const comes_back = fault.kind == FaultKind::loss || fault.kind == FaultKind::notice;
  if (comes_back && shards_[0].is_over()) return;  // too late
  is_on_[index] = false;
  trace_.line(events_.now_s(), scenario_.layout.name(fault.node),
              fmt::format("*** {} ends", name(fault.kind)));
  faults_.end(fault, events_.now_s());
  stage_.see(FaultChanged{&fault, false});
  if (fault.kind == FaultKind::stall || fault.kind == FaultKind::partition) resume(fault.node);
  if (!comes_back) return;
  auto& site = sites_[static_cast<std::size_t>(fault.node)];
  if (fault.kind == FaultKind::notice) {  // its time is up, whether it has left or not
    if (faults_.is_on(FaultKind::loss, fault.node)) return;
    network_.lose(fault.node);
    site.lose();
  }
  site.start(network_.life(fault.node));
  double const while_s = 10.0 * scenario_.slowest_step_s();
  plan_fault({.kind = FaultKind::rebirth,
              .from_s = events_.now_s(),
              .to_s = events_.now_s() + while_s,
              .node = fault.node});
}

void World::resume(Node node) {
  network_.release_held();
  auto const index = static_cast<std::size_t>(scenario_.layout.index_of(node));
  if (scenario_.layout.is_site(node)) {
    sites_[index].resume();
  } else {
    shards_[index].resume();
  }
}

// ---- the end ----

bool World::is_over() const {
  if (!shards_[0].is_over() || !network_.is_idle()) return false;
  for (Node site = 0; site < scenario_.layout.sites; ++site) {
    if (!is_done(site)) return false;
  }
  return true;
}

bool World::is_done(Node site) const {
  auto const& one = sites_[static_cast<std::size_t>(site)];
  return one.has_left() || !one.is_alive();
}

double World::mean_loss() const {
  double sum = 0.0;
  for (auto const& site : sites_) sum += site.loss();
  return sum / static_cast<double>(sites_.size());
}

// Far beyond what the run may take, all faults included: rest alone may wait for the lost many times over.
double World::limit_s() const {
  double last_s = 0.0;
  for (auto const& fault : scenario_.faults)
    last_s = std::max(last_s, std::isfinite(fault.to_s) ? fault.to_s : fault.from_s);
  for (auto const& ambush : scenario_.ambushes) last_s += ambush.fault.to_s;
  return last_s + 4.0 * static_cast<double>(scenario_.steps) * scenario_.slowest_step_s() +
         10.0 * scenario_.progress_window_s() + 200.0 * scenario_.outer.dead_after_s;
}

}  // namespace atl::sim
