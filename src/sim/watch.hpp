// Holds the invariants and shows them everything that happens, until one is broken.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/happening.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

// One thing that must always be true.
// A new one: derive, override `see`, add it to make_invariants().
class Invariant {
 public:
  virtual ~Invariant() = default;
  virtual char const* name() const = 0;
  // What is wrong now, in a sentence; empty where nothing is. Looks only at what `happening` can have
  // changed.
  virtual std::string see(Happening const& happening, double now_s) = 0;
};

struct Violation {
  std::string invariant;
  std::string what;
  double time_s = 0.0;
};

class Watch {
 public:
  explicit Watch(std::vector<std::unique_ptr<Invariant>> invariants) : invariants_(std::move(invariants)) {}

  void see(Happening const& happening, double now_s) {
    if (violation_) return;
    for (auto const& invariant : invariants_) {
      auto what = invariant->see(happening, now_s);
      if (!what.empty()) return report(invariant->name(), std::move(what), now_s);
    }
  }
  // Of what the simulation itself finds broken: a payload used twice, a run that hangs, an exception.
  void report(std::string invariant, std::string what, double now_s) {
    if (!violation_) violation_ = {std::move(invariant), std::move(what), now_s};
  }
  std::optional<Violation> const& violation() const { return violation_; }

 private:
  std::vector<std::unique_ptr<Invariant>> invariants_;
  std::optional<Violation> violation_;
};

// All of them.
std::vector<std::unique_ptr<Invariant>> make_invariants(Scenario const& scenario, FaultBoard const& faults);

}  // namespace atl::sim
