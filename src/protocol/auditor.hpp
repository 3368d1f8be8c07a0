// The books of a run, drawn up again from its tapes alone: every row of the ledger, and whether sites and
// shards tell the same (PROTOCOL.md §8).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/site_story.hpp"
#include "protocol/succession.hpp"

namespace atl::protocol {

// Of a site in all its lives. processed = merged + pending + unsent + overwritten + dropped + rejected +
// lost.
struct AuditRow {
  std::uint32_t site = 0;
  std::uint32_t fragment = 0;
  LedgerRow row;
  Work committed;  // what the shards' commits hold of it
  // What was not merged of the site's lives that are over, and what a resume rolled back.
  Work lost;
  // By how much the site's rows do not add up, and by how much sites and shards disagree on what was merged.
  std::uint64_t imbalance = 0;
};

struct Audit {
  std::vector<AuditRow> rows;           // at the end of the life
  std::vector<TapedVersion> versions;   // made in it, of each fragment in order
  std::vector<TapedVersion> forgotten;  // made, and lost with their shard before anyone saw them
  std::vector<std::string> findings;    // what does not fit together; none in a tape as it was written
  std::uint64_t imbalance() const;
};

class Auditor {
 public:
  explicit Auditor(double late_discount) : late_discount_(late_discount) {}

  // The next life of the run. `sites`: with a story for each life of a site, in their order.
  Audit audit(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards);

 private:
  using Name = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;
  // A site and the number of its books: a site that returns has new ones, one that was saved goes on in its
  // own.
  using Book = std::pair<std::uint32_t, std::uint64_t>;
  using Holdings = std::map<Book, Work>;
  struct Made {
    std::optional<std::uint64_t> round;  // none: in an earlier life
    base::Digest theta;
  };
  struct Books {
    std::vector<SiteStory> const& sites;
    std::uint32_t site_count = 0;
    Audit result;
    std::multimap<Name, Contribution> contributed;  // a round of before a resume may come again
    std::set<Name> in_commits;
    std::set<Name> merged;  // in commits that stand
    std::map<Name, Reason> discarded;
    std::set<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>>
        given;                                               // states: to which life, of which step
    std::map<std::uint32_t, Holdings> committed;             // by fragment, in its newest version
    std::map<std::pair<Book, std::uint32_t>, Work> held;     // by fragment, at the start
    std::map<std::pair<std::uint32_t, Version>, Made> made;  // by fragment
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::set<std::uint32_t>>
        absent;  // by fragment and round
  };

  static Name name_of(TapedContribution const& from);
  static bool was_made(Books const& books, TapedContribution const& from);
  Book book_of(std::uint32_t site, std::uint64_t incarnation) const;
  void open_books(std::vector<SiteStory> const& sites);
  void begin(Books& books, std::vector<TapedLife> const& shards) const;
  void begin_with(Books& books, TapedVersion const& version);
  static void check_taken(Books& books, Tenure const& tenure);
  void take_tenure(Books& books, Tenure const& tenure);
  void check_commit(Books& books, TapedCommit const& commit, Version const& before) const;
  void check_member(Books& books, TapedCommit const& commit, TapedCommit::Member const& member,
                    Version const& before) const;
  static void check_discard(Books& books, TapedDiscard const& discard);
  static void check_heard(Books& books, SiteStory const& site);
  static void check_fate(Books& books, std::uint32_t site, std::uint64_t incarnation, std::uint32_t fragment,
                         Fate const& fate);
  void draw_up_rows(Books& books);

  double late_discount_;
  std::map<Book, std::uint64_t> books_;  // by site and incarnation
  std::uint64_t last_book_ = 0;
  // By fragment and number of commits: what each Theta that was made holds.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::map<base::Digest, Holdings>> held_in_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Work> processed_;  // by site and fragment, ever
};

}  // namespace atl::protocol
