#include "sim/fleet/nelder_mead.hpp"

#include <algorithm>

namespace atl::sim {

Lowest nelder_mead(std::function<double(std::vector<double> const&)> const& f,
                   std::vector<double> const& start, double size, int trials) {
  auto const n = start.size();
  auto const look = [&](std::vector<double> at) {
    --trials;
    double const value = f(at);
    return Lowest{std::move(at), value};
  };
  std::vector<Lowest> simplex{look(start)};
  for (std::size_t i = 0; i < n; ++i) {
    auto corner = start;
    corner[i] += size;
    simplex.push_back(look(corner));
  }
  // An iteration takes two values, or those of a whole new simplex.
  while (trials >= static_cast<int>(n) + 2) {
    std::ranges::sort(simplex, {}, &Lowest::value);
    auto& worst = simplex.back();
    std::vector<double> middle(n, 0.0);  // of all but the worst
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < n; ++k) middle[k] += simplex[i].at[k] / static_cast<double>(n);
    auto const beyond = [&](double by) {  // the worst mirrored in the middle, `by` times as far
      auto at = middle;
      for (std::size_t k = 0; k < n; ++k) at[k] += by * (middle[k] - worst.at[k]);
      return look(std::move(at));
    };
    auto mirrored = beyond(1.0);
    if (mirrored.value < simplex.front().value) {
      auto further = beyond(2.0);
      worst = further.value < mirrored.value ? std::move(further) : std::move(mirrored);
    } else if (mirrored.value < simplex[n - 1].value) {
      worst = std::move(mirrored);
    } else if (auto nearer = beyond(mirrored.value < worst.value ? 0.5 : -0.5);
               nearer.value < std::min(mirrored.value, worst.value)) {
      worst = std::move(nearer);
    } else {
      for (std::size_t i = 1; i <= n; ++i) {
        auto at = simplex[i].at;
        for (std::size_t k = 0; k < n; ++k) at[k] = (at[k] + simplex.front().at[k]) / 2.0;
        simplex[i] = look(std::move(at));
      }
    }
  }
  return *std::ranges::min_element(simplex, {}, &Lowest::value);
}

}  // namespace atl::sim
