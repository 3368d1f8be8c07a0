// The books of a run, drawn up again from its tapes alone: every row of the ledger, and whether sites and
// shards tell the same (PROTOCOL.md §8).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/site_story.hpp"

namespace atl::protocol {

struct AuditRow {
  std::uint32_t site = 0;
  std::uint32_t fragment = 0;
  LedgerRow row;
  Work committed;  // what the shards' commits hold of it
  Work lost;       // processed in earlier lives, and rolled back by the resumes after them
  // By how much the row does not add up, and by how much sites and shards disagree on what was merged.
  std::uint64_t imbalance = 0;
};

struct Audit {
  std::vector<AuditRow> rows;          // at the end of the life
  std::vector<TapedVersion> versions;  // made in it, in the order of the shards' tapes
  std::vector<std::string> findings;   // what does not fit together; none in a tape as it was written
  std::uint64_t imbalance() const;
};

class Auditor {
 public:
  explicit Auditor(double late_discount) : late_discount_(late_discount) {}

  // The next life of the run.
  Audit audit(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards);

 private:
  using Name = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;
  using VersionName = std::pair<std::uint32_t, Version>;
  struct Made {
    std::uint64_t round = 0;  // 0: in an earlier life
    base::Digest theta;
  };
  using BySite = std::map<std::uint32_t, Work>;
  struct Books {
    std::vector<SiteStory> const& sites;
    Audit result;
    std::map<Name, Contribution> contributed;
    std::set<Name> merged;
    std::map<Name, Reason> discarded;
    std::set<Name> begun_in_flight;             // refused, if they were, without their reason on the tape
    std::map<std::uint32_t, BySite> committed;  // by fragment, in its newest version
    std::map<std::pair<std::uint32_t, std::uint32_t>, Work> held;  // by site and fragment, at the start
    std::map<VersionName, Made> made;
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::set<std::uint32_t>>
        absent;  // by fragment and round
  };

  static Name name_of(TapedContribution const& from);
  void begin(Books& books, std::vector<TapedLife> const& shards) const;
  void begin_with(Books& books, TapedVersion const& version);
  void take_shard(Books& books, TapedLife const& shard);
  void check_commit(Books& books, TapedCommit const& commit, Version const& before) const;
  void check_member(Books& books, TapedCommit const& commit, TapedCommit::Member const& member,
                    Version const& before) const;
  static void check_discard(Books& books, TapedDiscard const& discard);
  static void check_heard(Books& books, SiteStory const& site);
  static void check_fate(Books& books, std::uint32_t site, std::uint64_t incarnation, std::uint32_t fragment,
                         Fate const& fate);
  void draw_up_rows(Books& books);

  double late_discount_;
  std::map<VersionName, BySite> held_in_;                              // what each version holds of each site
  std::map<VersionName, std::set<base::Digest>> thetas_;               // of all lives so far
  std::map<std::pair<std::uint32_t, std::uint32_t>, Work> processed_;  // at the end of the last life
  std::map<std::pair<std::uint32_t, std::uint32_t>, Work> lost_;
};

}  // namespace atl::protocol
