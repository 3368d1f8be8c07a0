// How long a round stays open after its quorum (Decoupled DiLoCo, Eq. 3).
#pragma once

#include "deck/config.hpp"

namespace atl::protocol {

// xi_grace = clamp(gamma (tau xi_step - (xi_quorum + xi_sync)), floor xi_step, cap). The xi are moving
// averages (EMA, 0.5).
class GraceWindow {
 public:
  explicit GraceWindow(deck::OuterSection const& outer) : outer_(outer) {}

  void saw_quorum(double open_to_quorum_s);
  void saw_adoption(double close_to_adopted_s);
  // Seconds of grace. `slowest_step_s`: the EMA of the slowest eligible site's step.
  double length_s(double slowest_step_s) const;

 private:
  deck::OuterSection outer_;
  double quorum_s_ = 0.0;
  double sync_s_ = 0.0;
  bool has_quorum_ = false;
  bool has_sync_ = false;
};

}  // namespace atl::protocol
