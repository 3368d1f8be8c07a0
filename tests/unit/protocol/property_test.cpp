// Hundreds of random worlds: whatever is slow, late, silent, damaged or doubled, the books are right after every event,
// no step is merged twice, and every run comes to its end.
#include "support/catch.hpp"
#include "world.hpp"

using namespace atoll;
using namespace atoll::protocol;
using namespace atoll::test;

namespace {

// Draws of one seed, in order.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : random_{seed + 7000} {}
  int whole(int low, int high) {
    return low + static_cast<int>(random_.below(static_cast<std::uint64_t>(high - low + 1), 1, count_++));
  }
  double real(double low, double high) { return low + (high - low) * random_.uniform(2, count_++); }
  bool chance(double share) { return real(0.0, 1.0) < share; }

 private:
  base::Philox random_;
  std::uint64_t count_ = 0;
};

WorldOptions random_options(std::uint64_t seed, deck::Receive receive) {
  Draws draw(seed);
  WorldOptions options;
  options.seed = seed;
  options.sites = draw.whole(1, 4);
  options.shards = draw.whole(1, 3);
  options.steps = static_cast<std::uint64_t>(draw.whole(20, 60));
  options.checkpoint_every = draw.chance(0.5) ? static_cast<std::uint64_t>(draw.whole(7, 25)) : 0;
  options.step_s.clear();
  for (int m = 0; m < options.sites; ++m) options.step_s.push_back(draw.real(0.3, 1.5));

  options.outer.receive = receive;
  options.outer.fragments = draw.whole(1, 5);
  options.outer.interval_steps = static_cast<std::uint64_t>(draw.whole(2, 16));
  options.outer.quorum = draw.whole(1, options.sites);
  options.outer.in_flight = draw.whole(1, 3);
  options.outer.max_staleness = static_cast<std::uint64_t>(draw.whole(0, 5));
  options.outer.dead_after_s = 10.0;
  options.outer.grace = draw.chance(0.7) ? deck::GraceKind::adaptive : deck::GraceKind::none;

  options.control_delay_s = draw.real(0.0, 0.5);
  options.bulk_delay_s = draw.chance(0.5) ? draw.real(0.0, 1.0) : draw.real(0.0, 12.0);
  options.jitter = draw.real(0.0, 3.0);
  options.corrupted_share = draw.chance(0.3) ? 0.1 : 0.0;
  options.duplicated_share = draw.chance(0.3) ? 0.2 : 0.0;
  options.replaces_releases = draw.chance(0.5);
  for (int stalls = draw.whole(0, 3); stalls > 0; --stalls) {
    double const from_s = draw.real(0.0, 40.0);
    options.stalls.push_back({draw.whole(0, options.sites - 1), from_s, from_s + draw.real(1.0, 25.0)});
  }
  return options;
}

void add(Sightings& sum, Sightings const& seen) {
  sum.events += seen.events;
  sum.overwrites += seen.overwrites;
  sum.rebases_on_snapshot += seen.rebases_on_snapshot;
  sum.rebases_on_base += seen.rebases_on_base;
  sum.adoptions_with_open_fate += seen.adoptions_with_open_fate;
  sum.most_on_their_way = std::max(sum.most_on_their_way, seen.most_on_their_way);
  for (auto const& [reason, count] : seen.rejections) sum.rejections[reason] += count;
}

// Runs the worlds of seeds 1 to `count`.
Sightings run_worlds(std::uint64_t count, deck::Receive receive) {
  Sightings sum;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    INFO("seed " << seed);
    World world(random_options(seed, receive));
    world.run();
    REQUIRE(world.failure() == "");
    REQUIRE(world.is_over());
    std::string d; for (auto const& seal : world.seals()) { d += " seal@" + std::to_string(seal.step); for (auto w : seal.missing) d += (w.kind==Participant::Kind::site?" -site":" -shard") + std::to_string(w.index);} for (auto const& g : world.given_up()) d += " " + g;
    INFO(d << " now " << world.now_s());
    auto o = random_options(seed, receive);
    INFO("sites " << o.sites << " shards " << o.shards << " K " << o.outer.quorum << " bulk " << o.bulk_delay_s << " ctl " << o.control_delay_s << " jit " << o.jitter);
    for (auto st : o.stalls) UNSCOPED_INFO("stall " << st.site << " " << st.from_s << " " << st.to_s);
    REQUIRE(world.check_end() == "");
    add(sum, world.sightings());
  }
  return sum;
}

}  // namespace

TEST_CASE("random worlds, overwrite: the books are right after every event") {
  auto const seen = run_worlds(150, deck::Receive::overwrite);
  CHECK(seen.events > 50000);
  CHECK(seen.overwrites > 1000);
  CHECK(seen.adoptions_with_open_fate > 10);
  CHECK(seen.most_on_their_way == 3);
  CHECK(seen.rejections.at(Reason::unknown_round) > 100);
  CHECK(seen.rejections.at(Reason::duplicate) > 100);
  CHECK(seen.rejections.at(Reason::not_finite) > 50);
  CHECK(seen.rejections.size() == 3);  // the machines themselves break no rule of the gate
  WARN(seen.events << " " << seen.overwrites << " " << seen.adoptions_with_open_fate << " "<< seen.rejections.at(Reason::unknown_round));
}

TEST_CASE("random worlds, rebase: the books are right after every event, and nothing is thrown away") {
  auto const seen = run_worlds(150, deck::Receive::rebase);
  CHECK(seen.rebases_on_snapshot > 1000);
  CHECK(seen.rebases_on_base > 1000);
  CHECK(seen.adoptions_with_open_fate > 10);
  CHECK(seen.rejections.size() == 3);
  WARN(seen.events << " " << seen.rebases_on_snapshot << " " << seen.rebases_on_base << " " << seen.adoptions_with_open_fate << " "<< seen.rejections.at(Reason::unknown_round));
}
