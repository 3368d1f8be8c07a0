// One fragment as its owner sees it (PROTOCOL.md §2): version, schedule, the open round, each site's copy.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/gate.hpp"
#include "protocol/grace_window.hpp"
#include "protocol/membership.hpp"
#include "protocol/site_set.hpp"
#include "protocol/standings.hpp"
#include "protocol/syncer_action.hpp"
#include "protocol/usual_norm.hpp"

namespace atl::protocol {

// What a decision about a fragment depends on besides the fragment itself.
struct Surroundings {
  deck::OuterSection const& outer;
  Gate const& gate;
  Membership const& sites;
  bool synchronous = false;
  std::uint64_t clock = 0;
  std::optional<int> backup;    // the shard that must hold what sites see
  std::optional<Purpose> rest;  // between Hold and Go
  double last_advance_s = 0.0;  // at rest: when a site was last seen to move
  double now_s = 0.0;
};

class OwnedFragment {
 public:
  using Actions = std::vector<SyncerAction>;

  // `replicated`: nobody sees anything of it before a backup holds it.
  OwnedFragment(std::uint32_t index, deck::OuterSection const& outer, int sites, bool replicated);
  // Of a backup that takes the fragment over in a new term.
  OwnedFragment(Replica const& replica, std::uint64_t term);

  // A new life of a site: what was known of its copy is void. Returns how many contributions of its earlier
  // life were thrown out; those that were saved with it are of this one.
  int admit(int site, std::uint64_t incarnation, Surroundings const& around, Actions& actions);
  // A site's process is gone: nothing of it is merged any more. Returns how many contributions were thrown
  // out.
  int lose(int site, Actions& actions);
  // Its owner goes on in a new term: open rounds are off, and nothing is carried any more.
  void begin_term(std::uint64_t term, Actions& actions);
  // The backup holds this version.
  void on_ack(int shard, Version const& version, Surroundings const& around, Actions& actions);
  Replica replica() const;
  // What a site says of its copy.
  void hear(int site, Progress::Fragment const& said, Surroundings const& around, GraceWindow& grace);
  // After its word: a site that missed a version while it was silent gets the newest, and what was lost on
  // its way from or to it, as it seems, is made up for.
  void catch_up(int site, Surroundings const& around, Actions& actions);
  // Reason::none: it is in the open round, or carried to the next.
  Reason receive(int site, Contribution const& contribution, PayloadFacts const& facts,
                 Surroundings const& around, Actions& actions);
  void begin_rest() { last_round_over_ = false; }
  // A site has come to live, to be admitted or to stand still, or does so no longer.
  void touch(int site) { standings_.touch(site); }
  // Opens, fills and closes rounds as far as that is due now. Returns how many contributions were refused at
  // a close.
  int advance(Surroundings const& around, GraceWindow& grace, Actions& actions);
  std::optional<double> next_timer_s(Surroundings const& around) const;

  std::uint32_t index() const { return index_; }
  Version version() const { return version_; }
  bool is_published() const { return published_; }
  // Whether what is counted is what there is, after advance(): for tests.
  bool has_true_standings(Surroundings const& around) const;
  std::optional<int> stand_in() const { return stand_in_ == backup_ ? stand_in_ : std::nullopt; }
  // No round is open or to come before Go, and nothing is on its way from or to a live site. In the
  // synchronous methods a checkpoint or stop asks only that nothing is on its way here.
  bool is_quiet(Surroundings const& around) const;
  // In words: who keeps the open round from its quorum. Empty: nobody, or not for long yet.
  std::string waiting_for(Surroundings const& around) const;

  // Of a saved state: the life in which a site goes on with it, and what was on its way here.
  void expect(int site, std::uint64_t incarnation);
  void put_in_flight(int site, Contribution const& contribution, PayloadFacts const& facts);
  // What was on its way when the state was saved arrives, after admit().
  void receive_in_flight(int site, Surroundings const& around, Actions& actions);

  // Of the open round and carried, by site.
  std::vector<Member const*> held_members() const;
  void save(base::Writer& writer) const;
  // Payloads are numbered on from `last_handle`.
  void load(base::Reader const& reader, double now_s, PayloadHandle& last_handle);

 private:
  struct Round {
    std::uint64_t number = 0;
    double opened_s = 0.0;
    bool is_last = false;              // the one that Purpose::finish adds
    SiteSet pulled;                    // those that came unasked as well
    SiteSet answered;                  // members, and those that were refused
    std::map<int, Member> members;     // by site: the result must not depend on the order of arrival
    SiteSet unusual;                   // members whose norm is
    std::optional<double> close_at_s;  // end of the grace; none below the quorum
  };

  struct Awaited {
    Version version;
    double since_s = 0.0;
  };

  // A site's copy, by its own word and by what passed between us.
  struct Copy {
    std::optional<Version> base;
    Work unsent;
    std::uint64_t pending = 0;  // the round of its contribution whose fate is open
    double pending_since_s = 0.0;
    std::uint64_t lost_round = 0;  // of a contribution that was given up, announced then
    double lost_since_s = 0.0;
    std::uint64_t done_round = 0;       // the site answers no pull up to here any more
    std::uint64_t pulled_round = 0;     // the last it was asked for
    std::uint64_t received_round = 0;   // the last it contributed to
    Fate fate;                          // of its last contribution
    std::vector<Fate> fates;            // ends of contributions that it may not have heard of
    Version sent;                       // the newest that was sent to it
    double sent_s = 0.0;                // for the first time
    double resent_s = 0.0;              // for the last
    double patience_s = 0.0;            // with this release; rises each time it is sent again
    double journey_s = 0.0;             // what payloads took lately, to this site or from it
    std::optional<Version> sent_whole;  // the newest that was, as a whole
    Version lacks;                      // the newest of which it wants the whole
    Version needed;                     // a copy of an older base holds work that was merged or is carried
    std::optional<Awaited> awaited;     // the oldest it was sent at its commit and has not adopted
    std::optional<Member> carried;      // its late contribution, for the next round
    std::optional<std::uint64_t> expected;  // the incarnation that goes on with a saved state
    std::vector<std::pair<Contribution, PayloadFacts>> in_flight;  // when the state was saved
  };

  Copy& copy_of(int site) { return copies_.at(static_cast<std::size_t>(site)); }
  Copy const& copy_of(int site) const { return copies_.at(static_cast<std::size_t>(site)); }

  void owe(int site, Surroundings const& around, Actions& actions);
  void note(int site, Fate const& fate);
  void tell(int site, Fate const& fate, Actions& actions);
  // `since`: as the difference; else whole.
  void send_release(int site, Surroundings const& around, Actions& actions,
                    std::optional<Version> since = std::nullopt);
  void drop_lost(int site, Actions& actions);
  void learn_journey(int site, double since_s, Surroundings const& around);
  bool is_too_old(Version const& base, Surroundings const& around) const;
  bool can_follow(Copy const& copy, Version const& before, Surroundings const& around) const;
  bool is_eligible(int site, Surroundings const& around) const;
  bool has_answered(int site) const;
  bool may_answer(int site, Surroundings const& around) const;
  bool is_anyone_awaited(Surroundings const& around) const;
  Standings::Set standing_of(int site, Surroundings const& around) const;
  void refresh(Surroundings const& around);
  std::string describe(int site, Surroundings const& around) const;
  bool can_carry(Copy const& copy, Contribution const& contribution, Surroundings const& around) const;
  Member member_of(int site, PayloadFacts const& facts, Contribution const& contribution) const;
  void load_round(std::vector<std::uint64_t> const& pulled, double now_s);
  void load_copies(std::vector<std::uint64_t> const& needed, std::vector<std::uint64_t> const& fates);
  void restore(int site, bool is_carried, Contribution const& contribution, PayloadFacts const& facts,
               double now_s);
  void drop_carried(int site, Actions& actions);
  bool has_all_that_was_sent(Membership const& sites) const;
  bool is_settled(Copy const& copy) const;
  bool are_all_settled() const { return standings_.count(Standing::unsettled) == 0; }

  // Of the open round; in owned_fragment_round.cpp.
  bool are_most(std::ptrdiff_t sites, Surroundings const& around) const;
  std::ptrdiff_t counted_members(Surroundings const& around) const;
  bool has_quorum(Surroundings const& around) const;
  void refuse_unusual(Surroundings const& around, Actions& actions);
  bool is_spoiled(Surroundings const& around) const;
  double last_round_ends_s(Surroundings const& around) const;
  void open_due(Surroundings const& around, Actions& actions);
  void open(bool is_last, Surroundings const& around, Actions& actions);
  void open_last_round(Surroundings const& around, Actions& actions);
  void pull_eligible(Surroundings const& around, Actions& actions);
  void watch_quorum(Surroundings const& around, GraceWindow& grace);
  void advance_round(Surroundings const& around, GraceWindow& grace, Actions& actions);
  void join_unasked(int site, std::uint64_t round, Surroundings const& around);
  void join_carried(int site, Version const& before, Surroundings const& around, Commit& commit,
                    Actions& actions);
  int throw_out(int site, std::optional<std::uint64_t> spared_incarnation, Actions& actions);
  void close(Surroundings const& around, Actions& actions);
  void keep_replicated(Surroundings const& around, Actions& actions);
  void publish(Surroundings const& around, Actions& actions);
  void cancel(Surroundings const& around, Actions& actions);

  std::uint32_t index_;
  Version version_;
  std::uint64_t made_by_round_ = 0;  // the round of `version_`
  std::uint64_t rounds_ = 0;         // opened so far; the number of the last one
  std::uint64_t next_due_ = 0;       // on the clock
  std::uint64_t oldest_known_ =
      0;                          // commits of the version that was taken over: Theta of no older one is here
  bool last_round_over_ = false;  // of Purpose::finish
  UsualNorm usual_;
  int refused_ = 0;  // at closes, and not yet told
  std::optional<Round> round_;
  std::vector<Copy> copies_;  // by site
  Standings standings_;

  // What a site has seen, the backup holds: a version is published once its replica is acknowledged.
  bool published_ = false;
  std::optional<int> backup_;  // that was sent the replica of `version_`
  double replica_sent_s_ = 0.0;
  double replica_patience_s_ = 0.0;
  bool is_acknowledged_ = false;
  std::optional<int> stand_in_;     // the backup that holds what sites have seen
  std::vector<int> absent_;         // of the round that made `version_`, to be told when it is published
  std::vector<SendToSite> untold_;  // fates that no release of it tells
  SiteSet owed_;                    // sites that it is to be released to then
};

}  // namespace atl::protocol
