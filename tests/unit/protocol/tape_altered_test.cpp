// One number of one tape is changed, and all digests behind it are made right again: the tapes then
// contradict one another, and the audit says so.
#include <algorithm>
#include <set>
#include <string>

#include "protocol/auditor.hpp"
#include "protocol/tape_fields.hpp"
#include "random_worlds.hpp"
#include "replayed_world.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

// Walks through an entry and changes the number that it comes to `target`-th; says which kind of number that
// is: "5/1/0" is the first field in the items of the second of an entry of type 5. Words are passed over.
class Alteration {
 public:
  explicit Alteration(std::size_t target) : target_(target) {}
  std::string const& changed() const { return changed_; }

  void visit(std::unsigned_integral auto& value, std::string const& path) {
    if (is_it(path)) ++value;
  }
  void visit(bool& value, std::string const& path) {
    if (is_it(path)) value = !value;
  }
  void visit(double& value, std::string const& path) {
    if (is_it(path)) value += 1.0;
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void visit(Enum& value, std::string const& path) {
    if (is_it(path)) value = value == last_of<Enum> ? Enum{} : last_of<Enum>;
  }
  void visit(std::string const&, std::string const&) {}
  template <class T>
  void visit(std::vector<T>& items, std::string const& path) {
    for (auto& item : items) visit(item, path);
  }
  template <class T>
  void visit(std::optional<T>& item, std::string const& path) {
    if (item) visit(*item, path);
  }
  template <class... T>
  void visit(std::map<T...>& items, std::string const& path) {
    for (auto& [name, item] : items) visit(item, path);
  }
  void visit(float&, std::string const&) {}
  template <class... T>
  void visit(std::variant<T...>& choice, std::string const& path) {
    auto const here = path + (path.empty() ? "" : "/") + std::to_string(choice.index());
    std::visit([&](auto& content) { visit(content, here); }, choice);
  }
  template <class T>
  requires requires(T& value) { fields(value); }
  void visit(T& value, std::string const& path) {
    int field = 0;
    std::apply([&](auto&... each) { (visit(each, path + "/" + std::to_string(field++)), ...); },
               fields(value));
  }

 private:
  bool is_it(std::string const& path) {
    if (seen_++ != target_) return false;
    changed_ = path;
    return true;
  }

  std::size_t target_;
  std::size_t seen_ = 0;
  std::string changed_;
};

bool is_found_out(Tapes const& tapes, WorldOptions const& options) {
  try {
    Auditor auditor(options.outer.late_discount);
    for (auto const& life : lives_told(tapes, options)) {
      auto const audit = auditor.audit(life.sites, life.shards);
      if (audit.imbalance() > 0 || !audit.findings.empty()) return true;
    }
  } catch (base::InputError const&) {
    return true;
  }
  return false;
}

WorldOptions eventful(std::uint64_t seed) {
  auto options = seed % 2 == 0 ? carrying_options(seed) : random_options(seed, deck::Receive::overwrite);
  options.sites = 3;
  options.step_s = {0.5, 0.8, 1.1};
  options.outer.quorum = 1;
  options.outer.fragments = 2;
  options.steps = 24;
  options.checkpoint_every = 9;
  options.corrupted_share = 0.1;
  options.outer.dead_after_s = 100.0;  // what is given up for lost and comes yet has no word of its own
  options.tapes = true;
  return options;
}

// Kinds of numbers that only the chain of digests or a replay finds: they stand for what no other process
// knows.
std::set<std::string> const unshared = {
    "0/5/0", "0/5/1",  // a start: digest of the text
    "0/6/0", "0/6/1",  // digest of the program
    "0/8",             // the set it goes on from
    "0/12",            // the cursor
    "5/2/1",           // a commit: whether an absent site was silent
};

}  // namespace

TEST_CASE("every kind of number on a tape is found out when it is altered, digests and all") {
  std::set<std::string> found_out, missed;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    auto const options = eventful(seed);
    World world(options);
    world.run(18.0);
    if (!world.is_over() && !world.seals().empty()) world.restart();
    world.run();
    REQUIRE(world.failure() == "");
    REQUIRE_FALSE(is_found_out(world.tapes(), options));

    std::map<std::string, int> tried;
    auto tapes = world.tapes();
    for (auto& [who, entries] : tapes) {
      for (auto& entry : entries) {
        auto const original = entry;
        for (std::size_t number = 0;; ++number, entry = original) {
          Alteration alteration(number);
          alteration.visit(entry, "");
          auto const& kind = alteration.changed();
          if (kind.empty()) break;
          if (++tried[kind] > 3) continue;
          INFO("seed " << seed << ", " << describe(original) << ", number " << kind);
          (is_found_out(tapes, options) ? found_out : missed).insert(kind);
        }
      }
    }
  }
  std::string wrong;
  for (auto const& kind : missed) {
    if (!unshared.contains(kind)) wrong += kind + " ";
  }
  CHECK(wrong == "");
  CHECK(found_out.size() > 50);
}
