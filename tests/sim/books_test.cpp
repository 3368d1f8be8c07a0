// The books of simulated runs, drawn up from their tapes alone: whoever is lost or takes over, every token is
// found again, and no lie about one passes.
#include <algorithm>
#include <map>

#include "protocol/auditor.hpp"
#include "recorded.hpp"
#include "sim/machine_options.hpp"
#include "sim/storm.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::sim;
using atl::test::find;
using atl::test::record;
using atl::test::with_loss;
using atl::test::with_takeover;

namespace {

using Sent = std::pair<std::uint32_t, std::uint64_t>;  // fragment and round of a contribution

std::pair<Sent, Reason> refused_in(SiteEvent const& event) {
  auto const told = [](std::uint32_t fragment, Fate const& fate) {
    return std::pair(Sent(fragment, fate.round), fate.reason);
  };
  if (auto const* notice = std::get_if<FateNotice>(&event)) return told(notice->fragment, notice->fate);
  if (auto const* held = std::get_if<HeldRelease>(&event))
    return told(held->release.fragment, held->release.fate);
  auto const* pull = std::get_if<Pull>(&event);
  return pull ? told(pull->fragment, pull->fate) : std::pair<Sent, Reason>{};
}

// What a site has contributed, before a restart and in this life.
std::vector<TapedContribution> contributed_by(SiteStory const& story, Recording const& recording) {
  auto const& self = story.life.start;
  std::vector<TapedContribution> all;
  for (auto const& shard : recording.shards) {
    for (auto const& sent : shard.start.in_flight) {
      if (sent.site == self.index && sent.contribution.incarnation == self.incarnation) all.push_back(sent);
    }
  }
  for (auto const& boundary : story.boundaries) {
    for (auto const& made : boundary.contributed) all.push_back({self.index, made});
  }
  return all;
}

// The simulation's shards do not tape what they refuse: that is taken from whom they told.
std::vector<TapeEntry> refusals_of(SiteStory const& story, Recording const& recording) {
  std::map<Sent, Reason> refused;
  for (auto const& boundary : story.life.only<TapedBoundary>()) {
    for (auto const& event : boundary.events) {
      if (auto const [sent, reason] = refused_in(event); reason != Reason::none) refused[sent] = reason;
    }
  }
  std::vector<TapeEntry> entries;
  for (auto const& from : contributed_by(story, recording)) {
    auto const found = refused.extract({from.contribution.fragment, from.contribution.round});
    if (found) entries.emplace_back(TapedDiscard{from, found.mapped()});
  }
  return entries;
}

Audit audit(Auditor& auditor, Scenario const& scenario, Recording recording) {
  std::vector<SiteStory> stories;
  for (int site = 0; site < scenario.layout.sites; ++site) {
    for (auto const& life : recording.sites) {
      if (static_cast<int>(life.start.index) != site) continue;
      stories.push_back(follow(life, site_options(scenario, site, life.start.incarnation)));
      for (auto& entry : refusals_of(stories.back(), recording))
        recording.shards.front().entries.push_back(entry);
    }
  }
  return auditor.audit(stories, recording.shards);
}

Audit audit(Scenario const& scenario, Recording const& recording) {
  Auditor auditor(scenario.outer.late_discount);
  return audit(auditor, scenario, recording);
}

Work accounted(AuditRow const& row) {
  Work sum = row.lost;
  for (Work const& part : {row.row.merged, row.row.pending, row.row.unsent, row.row.overwritten,
                           row.row.dropped, row.row.rejected})
    sum += part;
  return sum;
}

void require_sound(Audit const& audit) {
  REQUIRE(audit.findings == std::vector<std::string>{});
  REQUIRE(audit.imbalance() == 0);
  for (auto const& row : audit.rows) REQUIRE(accounted(row) == row.row.processed);
}

bool is_sound(Audit const& audit) { return audit.findings.empty() && audit.imbalance() == 0; }

}  // namespace

TEST_CASE("of a site that was lost and came back what was merged stays so, and the rest is lost") {
  auto const scenario = with_loss();
  auto const recording = record(scenario);
  auto const books = audit(scenario, recording);
  require_sound(books);
  auto const first_life = recording.sites.front().only<TapedBoundary>().size();
  std::uint64_t lost = 0;
  for (auto const& row : books.rows) {
    CHECK((row.site == 0 || row.lost.is_none()));
    CHECK(row.lost.steps < first_life);
    CHECK(row.committed == row.row.merged);
    lost += row.lost.steps;
  }
  CHECK(lost > 0);
}

TEST_CASE("versions run on from where a fragment changes hands") {
  auto const scenario = with_takeover();
  auto const books = audit(scenario, record(scenario));
  require_sound(books);
  std::map<std::uint32_t, Version> newest;
  for (auto const& made : books.versions) {
    auto& before = newest[made.fragment];
    CHECK(made.version.commits == before.commits + 1);
    CHECK(made.version.term >= before.term);
    before = made.version;
  }
  CHECK(newest.at(0).term == 0);
  CHECK(newest.at(1).term > 0);
}

TEST_CASE("a merged contribution of a lost life that is nowhere on its tape is found") {
  auto const scenario = with_loss();
  auto recording = record(scenario);
  auto& lost = recording.sites.front();
  REQUIRE(lost.start.index == 0);
  auto const is_of_lost = [](TapedCommit::Member const& member) {
    return member.from.site == 0 && member.from.contribution.incarnation == 1;
  };
  auto const& commit = find<TapedCommit>(
      recording.shards, [&](auto const& each) { return std::ranges::any_of(each.members, is_of_lost); });
  auto const member = *std::ranges::find_if(commit.members, is_of_lost);

  SECTION("as the tape ends before it was made") {
    std::uint64_t step = 0;
    std::erase_if(lost.entries, [&](TapeEntry const& entry) {
      auto const* boundary = std::get_if<TapedBoundary>(&entry);
      if (boundary && boundary->step) ++step;
      return step >= member.from.contribution.step;
    });
  }
  SECTION("as another shard has it in a commit too") {
    find<TapedCommit>(recording.shards, [&](auto const& each) {
      return each.made.fragment != commit.made.fragment;
    }).members.push_back(member);
  }
  CHECK_FALSE(is_sound(audit(scenario, recording)));
}

TEST_CASE("commits that are counted in both terms, or in neither, are found") {
  auto const scenario = with_takeover();
  auto recording = record(scenario);
  auto& taken = find<TapedTaken>(recording.shards, [](auto const&) { return true; });
  auto const& last = find<TapedCommit>(recording.shards, [](auto const& each) {
    return each.made.fragment == 1 && each.made.version.term == 0;
  });
  REQUIRE(taken.from == last.made.version);

  SECTION("the new owner merges once more what the old one did") {
    auto& first = find<TapedCommit>(recording.shards, [&](auto const& each) {
      return each.made.version == Version{taken.taken.version.term, taken.from.commits + 1};
    });
    first.members.insert(first.members.end(), last.members.begin(), last.members.end());
  }
  SECTION("the new owner goes on from before a commit that sites have seen") {
    --taken.from.commits;
    --taken.taken.version.commits;
    for (auto const& before : recording.shards[1].only<TapedCommit>()) {
      if (before.made.version == taken.from) taken.taken.theta = before.made.theta;
    }
    for (auto& entry : recording.shards[2].entries) {
      auto* const commit = std::get_if<TapedCommit>(&entry);
      if (commit && commit->made.fragment == 1) --commit->made.version.commits;
    }
  }
  SECTION("the old owner has made one more that the new one did not know of, and a site has seen it") {
    ++find<TapedCommit>(recording.shards, [&](auto const& each) {
        return &each == &last;
      }).made.version.commits;
  }
  CHECK_FALSE(is_sound(audit(scenario, recording)));
}

TEST_CASE(
    "the books of any storm come out of its tapes alone, and of the run that went on from its snapshot") {
  StormConfig config;
  config.storm.min_events = 200;
  std::size_t returns = 0, takeovers = 0, forgotten = 0, restarts = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    auto const scenario = draw_scenario(config, seed);
    Auditor auditor(scenario.outer.late_discount);
    Trace silent(false);
    Recorder first(scenario.layout), second(scenario.layout);
    World world(scenario, silent, nullptr, &first);
    REQUIRE_FALSE(world.run().violation);
    auto const recording = first.take();
    auto const books = audit(auditor, scenario, recording);
    require_sound(books);
    returns += recording.sites.size() - static_cast<std::size_t>(scenario.layout.sites);
    for (auto const& shard : recording.shards) takeovers += shard.only<TapedTaken>().size();
    forgotten += books.forgotten.size();
    if (!world.snapshot()) continue;
    World after(scenario, silent, &*world.snapshot(), &second);
    REQUIRE_FALSE(after.run().violation);
    require_sound(audit(auditor, scenario, second.take()));
    ++restarts;
  }
  CHECK(returns > 100);
  CHECK(takeovers > 100);
  CHECK(forgotten > 0);
  CHECK(restarts > 20);
}
