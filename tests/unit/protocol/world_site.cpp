// The sites of a world: what a driver does with the actions of a SiteMachine.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "world.hpp"

namespace atl::test {

using namespace protocol;

namespace {

constexpr double heartbeat_s = 1.0;  // of a site that stands still

}  // namespace

// a + b - c, step by step
Tally moved(Tally const& a, Tally const& b, Tally const& c) {
  Tally sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i] - c[i];
  return sum;
}

void take_over(AdoptRule rule, Tally const& released, Tally& theta, Tally& base, Tally& snapshot) {
  switch (rule) {
    case AdoptRule::overwrite:
    case AdoptRule::blend:  // the books see no difference
      theta = released;
      break;
    case AdoptRule::rebase_on_snapshot:
      theta = moved(released, theta, snapshot);
      break;
    case AdoptRule::rebase_on_base:
      theta = moved(released, theta, base);
      snapshot = moved(released, snapshot, base);
      break;
  }
  base = released;
}

void World::plan_boundary(int m, double time_s) {
  auto& site = sites_[static_cast<std::size_t>(m)];
  at(time_s, [this, m, wake = ++site.wake] {
    if (sites_[static_cast<std::size_t>(m)].wake == wake) boundary(m);
  });
}

void World::deliver(int m, SiteEvent event) {
  auto& site = sites_[static_cast<std::size_t>(m)];
  if (site.left) {
    if (auto const* held = std::get_if<HeldRelease>(&event); held && held->payload != 0) take(held->payload);
    return;
  }
  site.inbox.push_back(std::move(event));
  bool const has_joined = site.welcomes == options_.shards;
  if (has_joined && !trains(site)) plan_boundary(m, now_s_);
}

void World::boundary(int m) {
  auto& site = sites_[static_cast<std::size_t>(m)];
  if (site.left) return;
  if (auto const until_s = stalled_until(m)) return plan_boundary(m, *until_s);

  std::optional<StepDone> done;
  double const step_s = options_.step_s.at(static_cast<std::size_t>(m));
  if (trains(site)) {
    auto const step = site.machine.step();
    if (step >= capacity_) return fail("a site ran further than a tally has room for");
    for (auto& theta : site.theta) ++theta[slot(m, step)];
    done = StepDone{.tokens = tokens_of(m, step), .step_s = step_s};
    site.stepped_s.push_back(now_s_);
  }
  std::vector<SiteEvent> const events(site.inbox.begin(), site.inbox.end());
  site.inbox.clear();
  auto const actions = site.machine.on_boundary(done, events);
  tape_boundary(m, done, events);
  for (auto const& action : actions) act(m, action);
  if (site.left) return;
  if (site.machine.is_waiting()) ++seen_.waits;
  plan_boundary(m,
                now_s_ + (trains(site) ? step_s * (1.0 + 0.1 * options_.jitter * uniform()) : heartbeat_s));
}

void World::act(int m, SiteAction const& action) {
  auto& site = sites_[static_cast<std::size_t>(m)];
  if (auto const* release = std::get_if<Adopt>(&action)) {
    adopt(site, *release);
  } else if (auto const* discard = std::get_if<Discard>(&action)) {
    take(discard->payload);
  } else if (auto const* settled = std::get_if<Settled>(&action)) {
    if (!site.unsettled[settled->fragment]) fail("a residual was settled twice");
    site.unsettled[settled->fragment] = false;
  } else if (auto const* contribution = std::get_if<Contribute>(&action)) {
    contribute(m, contribution->contribution);
  } else if (auto const* report = std::get_if<SendProgress>(&action)) {
    send_progress(m, report->progress);
  } else if (auto const* rest = std::get_if<SendHeld>(&action)) {
    send({m, 0, true, false}, [this, m, held = rest->held] {
      on_quiet(quiet_->on_held({Participant::Kind::site, m}, held, now_s_));
    });
  } else if (auto const* write = std::get_if<WriteState>(&action)) {
    write_state(m, write->save);
  } else {
    leave(site);
  }
}

void World::send_progress(int m, Progress const& progress) {
  for (int s = 0; s < options_.shards; ++s) {
    send({m, s, true, false}, [=, this] {
      on_shard(s, [&](SyncerMachine& shard) { return shard.on_progress(m, progress, now_s_); });
    });
  }
}

void World::write_state(int m, Save const& save) {
  auto const& site = sites_[static_cast<std::size_t>(m)];
  Saved saved{.id = save.id, .files = {}, .failure = ""};
  try {
    being_saved_sites_[m] = {test::saved(site.machine), site.theta, site.base, site.unsettled};
    saved.files.push_back({.name = "site_" + std::to_string(m), .bytes = 1, .digest = {}});
  } catch (base::RuntimeFailure const& failure) {
    saved.failure = failure.what();
  }
  send({m, 0, true, false}, [this, m, saved] {
    on_quiet(quiet_->on_saved({Participant::Kind::site, m}, saved, now_s_));
  });
}

void World::leave(Site& site) {
  site.left = true;
  for (auto const& event : site.inbox) {
    if (auto const* held = std::get_if<HeldRelease>(&event); held && held->payload != 0) take(held->payload);
  }
}

void World::adopt(Site& site, Adopt const& adopt) {
  Tally const released = take(adopt.payload);
  auto& theta = site.theta[adopt.fragment];
  auto& base = site.base[adopt.fragment];
  auto& snapshot = site.snapshot[adopt.fragment];
  bool const is_open = !site.machine.ledger(static_cast<int>(adopt.fragment)).pending.is_none();
  if (is_open) ++seen_.adoptions_with_open_fate;
  switch (adopt.rule) {
    case AdoptRule::overwrite:
      ++seen_.overwrites;
      break;
    case AdoptRule::blend:
      ++seen_.blends;
      break;
    case AdoptRule::rebase_on_snapshot:
      ++seen_.rebases_on_snapshot;
      break;
    case AdoptRule::rebase_on_base:
      ++seen_.rebases_on_base;
      break;
  }
  take_over(adopt.rule, released, theta, base, snapshot);
  tape({Participant::Kind::site, static_cast<int>(&site - sites_.data())},
       TapedBase{adopt.fragment, adopt.version, base::digest_of(std::span<int const>(base))});
  // Where the run ends without a silent site, the others are not where it is.
  if (options_.synchronous && quiet_->purpose() != Purpose::finish) {
    auto const [first, is_first] =
        step_of_adoption_.try_emplace({adopt.fragment, adopt.version.commits}, site.machine.step());
    if (first->second != site.machine.step()) fail("one version was adopted at two steps");
  }
}

void World::contribute(int m, Contribution const& contribution) {
  auto& site = sites_[static_cast<std::size_t>(m)];
  auto const p = contribution.fragment;
  Tally const nothing(site.theta[p].size(), 0);
  Tally delta = moved(nothing, site.theta[p], site.base[p]);  // theta - base, so that merging adds
  site.snapshot[p] = site.theta[p];
  for (int other = 0; other < options_.sites; ++other) {
    Work const in_books = other == m ? contribution.work : Work{};
    if (work_in(delta, other) != in_books) fail("what is sent is not what the books say");
  }
  for (int const times : delta) {
    if (times != 0 && times != 1) fail("a contribution does not hold each step once");
  }
  if (site.unsettled[p]) fail("contributed while a residual hangs in the air");
  site.unsettled[p] = true;
  ++site.on_their_way;
  seen_.most_on_their_way = std::max(seen_.most_on_their_way, site.on_their_way);

  bool const finite = uniform() >= options_.corrupted_share;
  double const factor = options_.poisoned_share > 0.0 && uniform() < options_.poisoned_share ? 1000.0 : 1.0;
  double const norm = factor * std::sqrt(static_cast<double>(contribution.work.steps));
  int const copies = uniform() < options_.duplicated_share ? 2 : 1;
  int const s = static_cast<int>(p) % options_.shards;
  for (int copy = 0; copy < copies; ++copy) {
    PayloadFacts const facts{.payload = keep(delta), .finite = finite, .norm = norm};
    send({m, s, true, true}, [this, m, s, contribution, copy, facts] {
      if (copy == 0) --sites_[static_cast<std::size_t>(m)].on_their_way;
      on_shard(s, [&](SyncerMachine& shard) {
        auto const before = shard.rejections();
        auto actions = shard.on_contribution(m, contribution, facts, now_s_);
        tape_arrival(m, s, contribution, facts.payload, before);
        return actions;
      });
    });
  }
}

void World::check_site(int m) {
  auto const& site = sites_[static_cast<std::size_t>(m)];
  if (site.machine.is_waiting() && !options_.synchronous) fail("a site waits");
  if (ends_by_itself() && site.machine.step() > options_.steps) fail("a site trains beyond its end");
  for (int p = 0; p < options_.outer.fragments; ++p) {
    auto const& row = site.machine.ledger(p);
    if (!row.is_balanced()) fail("a ledger does not balance");
    if (row.processed.steps != site.machine.step()) fail("the ledger has not seen every step");
    bool const keeps_all = options_.outer.receive == deck::Receive::rebase;
    Work const lost = [&] {
      Work sum = row.overwritten;
      sum += row.dropped;
      sum += row.rejected;
      return sum;
    }();
    if (keeps_all && !lost.is_none()) fail("rebase threw something away");
  }
}

}  // namespace atl::test
