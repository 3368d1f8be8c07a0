// The invariant about error feedback: what codecs leave out of contributions is neither lost nor sent twice.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sim/invariants.hpp"
#include "sim/open_commits.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

class LeftOverIsKept : public Invariant {
 public:
  explicit LeftOverIsKept(Scenario const& scenario) : may_carry_(scenario.outer.late == deck::Late::carry) {}

  char const* name() const override { return "1 what coding leaves over is kept"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* sent = std::get_if<Contributed>(&happening)) {
      return check(*sent);
    } else if (auto const* committed = std::get_if<Committed>(&happening)) {
      open_.add(*committed);
    } else if (auto const* published = std::get_if<Published>(&happening)) {
      for (auto const& settled : open_.settle(*published)) {
        for (auto const& member : settled.commit.members) note_merged(settled.commit.fragment, member);
      }
    }
    return {};
  }

 private:
  struct Last {
    std::uint64_t incarnation = 0;
    std::uint64_t round = 0;
    LeftOver left;
    bool is_merged = false;
  };

  // A site contributes again once it knows what became of its last.
  std::string check(Contributed const& sent) {
    auto const& contribution = *sent.contribution;
    Last const next{contribution.incarnation, contribution.round, sent.left};
    auto const [known, is_first] = last_.try_emplace({sent.site, contribution.fragment}, next);
    Last const last = std::exchange(known->second, next);
    if (is_first || last.incarnation != contribution.incarnation) return {};
    bool const has_advanced = sent.left.before == last.left.after;
    bool const stands = sent.left.before == last.left.before;
    bool const is_right = last.is_merged ? has_advanced : stands || (may_carry_ && has_advanced);
    if (is_right) return {};
    return fmt::format(
        "site {}, fragment {}: its contribution to round {} was {}merged, and what coding left "
        "over of it {}",
        sent.site, contribution.fragment, last.round, last.is_merged ? "" : "not ",
        has_advanced ? "counts" : "does not count");
  }

  void note_merged(std::uint32_t fragment, Member const& member) {
    auto const last = last_.find({member.site, fragment});
    if (last != last_.end() && last->second.round == member.contribution.round &&
        last->second.incarnation == member.contribution.incarnation)
      last->second.is_merged = true;
  }

  bool may_carry_;
  OpenCommits open_;
  std::map<std::pair<int, std::uint32_t>, Last> last_;  // by site and fragment
};

}  // namespace

std::unique_ptr<Invariant> left_over_is_kept(Scenario const& scenario) {
  return std::make_unique<LeftOverIsKept>(scenario);
}

}  // namespace atl::sim
