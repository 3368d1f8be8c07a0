#include "data/mixture.hpp"

#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace atl::data {

namespace {

bool is_whole(double value) { return value > 0.5 && std::abs(value - std::round(value)) < 1e-9 * value; }

// Whole parts of a period, as near to the weights as it allows.
std::vector<std::uint64_t> units_of(std::vector<double> const& weights, double sum) {
  for (std::uint64_t period = 1;; ++period) {
    auto const scale = static_cast<double>(period) / sum;
    bool fits = true;
    for (double const weight : weights) fits = fits && is_whole(weight * scale);
    if (!fits && period < longest_mixture) continue;

    std::vector<std::uint64_t> units;
    double before = 0.0;
    for (double const weight : weights) {  // differences of rounded sums: together they are the period
      auto const from = std::llround(before * scale), to = std::llround((before + weight) * scale);
      units.push_back(static_cast<std::uint64_t>(to - from));
      before += weight;
    }
    return units;
  }
}

}  // namespace

Mixture::Mixture(std::vector<double> const& weights)
    : units_(units_of(weights, std::accumulate(weights.begin(), weights.end(), 0.0))) {
  for (auto const units : units_) base::ensure(units > 0, "every source of a mixture has a share in it");
  auto const period = std::accumulate(units_.begin(), units_.end(), std::uint64_t{0});
  std::vector<std::uint64_t> taken(units_.size());
  for (std::uint64_t n = 1; n <= period; ++n) {
    // Of the sources that are below their share of n, the one whose next turn is due first.
    std::size_t next = units_.size();
    for (std::size_t k = 0; k < units_.size(); ++k) {
      bool const may = taken[k] * period < n * units_[k];
      if (may && (next == units_.size() || (taken[k] + 1) * units_[next] < (taken[next] + 1) * units_[k]))
        next = k;
    }
    order_.push_back({static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(taken[next]++)});
  }
}

Mixture::Place Mixture::operator()(std::uint64_t sequence) const {
  auto const slot = order_[sequence % period()];
  return {slot.source, sequence / period() * units_[slot.source] + slot.index};
}

}  // namespace atl::data
