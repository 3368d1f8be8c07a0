#include "protocol/grace_window.hpp"

#include <algorithm>

namespace atl::protocol {

namespace {

// Exponential moving average, coefficient 0.5; the first sample stands for itself.
void average_in(double sample, double& mean, bool& has_samples) {
  mean = has_samples ? 0.5 * (mean + sample) : sample;
  has_samples = true;
}

}  // namespace

void GraceWindow::saw_quorum(double open_to_quorum_s) {
  average_in(open_to_quorum_s, quorum_s_, has_quorum_);
}

void GraceWindow::saw_adoption(double close_to_adopted_s) {
  average_in(close_to_adopted_s, sync_s_, has_sync_);
}

double GraceWindow::length_s(double slowest_step_s) const {
  if (outer_.grace == deck::GraceKind::none) return 0.0;
  if (outer_.grace == deck::GraceKind::fixed) return outer_.grace_s;
  double const slack = static_cast<double>(outer_.overlap_steps) * slowest_step_s - (quorum_s_ + sync_s_);
  double const floor = outer_.grace_floor_steps * slowest_step_s;
  return std::min(std::max(outer_.grace_fraction * slack, floor), outer_.grace_cap_s);
}

}  // namespace atl::protocol
