// The lowest point of a function of a few numbers that has no derivative (Nelder and Mead, 1965).
#pragma once

#include <functional>
#include <vector>

namespace atl::sim {

struct Lowest {
  std::vector<double> at;
  double value = 0.0;
};

// From a simplex at `start` with edges of `size`; about `trials` values are taken, never more.
Lowest nelder_mead(std::function<double(std::vector<double> const&)> const& f,
                   std::vector<double> const& start, double size, int trials);

}  // namespace atl::sim
