#include "world.hpp"

#include <algorithm>
#include <utility>

namespace atl::test {

using namespace protocol;

World::World(WorldOptions options)
    : options_(std::move(options)), random_{options_.seed}, capacity_(8 * options_.steps + 400) {
  next_checkpoint_ = options_.checkpoint_every;
  start();
}

SiteMachine::Options site_options(WorldOptions const& options) {
  std::optional<SiteMachine::Rounds> rounds;
  if (options.synchronous) rounds = {options.outer.interval_steps, options.outer.overlap_steps};
  return {.fragments = options.outer.fragments,
          .incarnation = 1,
          .receive = options.outer.receive,
          .late = options.outer.late,
          .in_flight = options.outer.in_flight,
          .last_step = options.synchronous || options.stops_each ? options.steps : 0,
          .rounds = rounds};
}

void World::start() {
  auto const fragments = static_cast<std::size_t>(options_.outer.fragments);
  Tally const nothing(static_cast<std::size_t>(options_.sites) * capacity_, 0);
  quiet_.emplace(options_.sites, options_.shards, options_.patience_s);
  sites_.clear();
  shards_.clear();
  for (int m = 0; m < options_.sites; ++m) {
    std::vector<Tally> const zero(fragments, nothing);
    sites_.push_back({.machine = SiteMachine(site_options(options_)),
                      .theta = zero,
                      .base = zero,
                      .snapshot = zero,
                      .inbox = {},
                      .stepped_s = {},
                      .unsettled = std::vector<bool>(fragments)});
  }
  for (int s = 0; s < options_.shards; ++s) {
    shards_.push_back({.machine = SyncerMachine({.shard = s,
                                                 .shards = options_.shards,
                                                 .sites = options_.sites,
                                                 .max_tokens_per_step = 14,
                                                 .synchronous = options_.synchronous,
                                                 .last_step = ends_by_itself() ? options_.steps : 0,
                                                 .outer = options_.outer}),
                       .theta = {},
                       .restored = {},
                       .to_answer = {},
                       .was_live = {}});
    for (std::uint32_t p = 0; p < fragments; ++p) {
      if (shards_.back().machine.owns(p)) shards_.back().theta[p] = nothing;
    }
  }
  load_saved();
  tape_starts();
  for (int m = 0; m < options_.sites; ++m) {
    for (int s = 0; s < options_.shards; ++s) {
      send({m, s, true, false}, [=, this, incarnation = site(m).incarnation()] {
        on_shard(s, [=, this](SyncerMachine& shard) { return shard.on_admitted(m, incarnation, now_s_); });
        auto& site = sites_[static_cast<std::size_t>(m)];
        if (++site.welcomes == options_.shards) plan_boundary(m, now_s_);
      });
    }
  }
}

void World::load_saved() {
  for (auto const& [m, state] : saved_sites_) {
    auto& site = sites_[static_cast<std::size_t>(m)];
    site.machine.load(MemoryReader(state.values));
    site.theta = state.theta;
    site.base = state.base;
    site.unsettled = state.unsettled;
    seen_.kept_contributions += static_cast<int>(std::ranges::count(site.unsettled, true));
  }
  for (auto const& [s, state] : saved_shards_) {
    auto& shard = shards_[static_cast<std::size_t>(s)];
    shard.machine.load(MemoryReader(state.values), now_s_);
    shard.theta = state.theta;
    PayloadHandle handle = 0;
    for (auto const* member : shard.machine.held_members()) {
      if (member->payload != ++handle) fail("restored payloads are not numbered in their order");
      shard.restored[handle] = state.held.at(handle - 1);
      ++seen_.restored_members;
    }
  }
}

void World::restart() {
  events_ = {};
  last_arrival_.clear();
  payloads_.clear();
  newest_release_.clear();
  whole_.clear();
  start();
}

void World::run(double until_s) {
  auto const have_left = [this] { return std::ranges::all_of(sites_, &Site::left); };
  while (failure_.empty() && !(have_left() && events_.empty())) {
    if (events_.empty() || events_.top().time_s > until_s) {
      if (until_s >= 1e5) fail("the run hangs: " + shards_[0].machine.waiting_for());
      return;
    }
    auto const event = events_.top();
    events_.pop();
    now_s_ = event.time_s;
    event.happens();
    ++seen_.events;
    for (int m = 0; m < options_.sites; ++m) check_site(m);
  }
}

void World::at(double time_s, std::function<void()> happens) {
  events_.push({.time_s = time_s, .order = order_++, .happens = std::move(happens)});
}

// A channel delivers in order; nothing is ordered between channels.
void World::send(Channel const& channel, std::function<void()> arrives) {
  double const delay_s = std::get<3>(channel) ? options_.bulk_delay_s : options_.control_delay_s;
  double& last_s = last_arrival_[channel];
  last_s = std::max(last_s, now_s_ + delay_s * (1.0 + options_.jitter * uniform()));
  at(last_s, std::move(arrives));
}

PayloadHandle World::keep(Tally tally) {
  payloads_[++last_payload_] = std::move(tally);
  return last_payload_;
}

// Every payload is used or discarded exactly once.
Tally World::take(PayloadHandle payload) {
  auto node = payloads_.extract(payload);
  if (!node) {
    fail("a payload was used twice");
    return Tally(static_cast<std::size_t>(options_.sites) * capacity_, 0);
  }
  return std::move(node.mapped());
}

Tally World::take_at(int shard, PayloadHandle payload) {
  auto node = shards_[static_cast<std::size_t>(shard)].restored.extract(payload);
  return node ? std::move(node.mapped()) : take(payload);
}

void World::fail(std::string const& why) {
  if (failure_.empty()) failure_ = why + " (at " + std::to_string(now_s_) + " s)";
}

std::size_t World::slot(int site, std::uint64_t step) const {
  return static_cast<std::size_t>(site) * capacity_ + step;
}

Work World::work_in(Tally const& tally, int site) const {
  Work work;
  for (std::uint64_t step = 0; step < capacity_; ++step) {
    auto const times = static_cast<std::uint64_t>(tally[slot(site, step)]);
    work += {times, times * tokens_of(site, step)};
  }
  return work;
}

Work World::work_in_theta(int m, int p) const {
  auto const owner = static_cast<std::size_t>(p % options_.shards);
  return work_in(shards_[owner].theta.at(static_cast<std::uint32_t>(p)), m);
}

std::string World::check_end() const {
  auto const is_used_up = [](Shard const& shard) { return shard.restored.empty(); };
  if (!std::ranges::all_of(shards_, is_used_up)) return "a restored payload was neither used nor discarded";
  if (!payloads_.empty())
    return std::to_string(payloads_.size()) + " payloads were neither used nor discarded";
  for (int m = 0; m < options_.sites; ++m) {
    // A site that was silent then, and spoke again before the end, has missed the last round.
    auto const index_of_site = static_cast<std::size_t>(m);
    if (!std::ranges::all_of(shards_, [&](Shard const& shard) { return shard.was_live.at(index_of_site); }))
      continue;
    auto const& site = sites_[static_cast<std::size_t>(m)];
    for (int p = 0; p < options_.outer.fragments; ++p) {
      auto const index = static_cast<std::size_t>(p);
      auto const name = "site " + std::to_string(m) + ", fragment " + std::to_string(p) + ": ";
      auto const& shard = shards_[static_cast<std::size_t>(p % options_.shards)];
      auto const& theta = shard.theta.at(static_cast<std::uint32_t>(p));
      if (site.machine.base(p) != shard.machine.version(static_cast<std::uint32_t>(p)))
        return name + "not the newest version";
      if (site.base[index] != theta) return name + "its base is not Theta";
      if (!site.machine.ledger(p).pending.is_none()) return name + "a fate is open";
      if (site.machine.ledger(p).merged != work_in(theta, m)) return name + "merged is not what Theta holds";
    }
  }
  return {};
}

Sightings World::sightings() const {
  auto seen = seen_;
  for (auto const& shard : shards_) {
    for (auto const& [reason, count] : shard.machine.rejections()) seen.rejections[reason] += count;
  }
  return seen;
}

bool World::trains(Site const& site) const {
  return site.machine.is_ready() && !site.machine.is_holding() && !site.machine.is_waiting();
}

std::optional<double> World::stalled_until(int site) const {
  for (auto const& stall : options_.stalls) {
    if (stall.site == site && now_s_ >= stall.from_s && now_s_ < stall.to_s) return stall.to_s;
  }
  return std::nullopt;
}

}  // namespace atl::test
