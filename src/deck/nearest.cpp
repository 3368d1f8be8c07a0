#include "deck/nearest.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace atl::deck {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Optimal string alignment distance: three rows of the usual table are enough.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      bool const same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      bool const swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<std::string_view const> candidates) {
  std::string_view best;
  std::size_t best_distance = name.size();  // replacing every letter is no likeness
  for (auto const candidate : candidates) {
    std::size_t const d = distance(name, candidate);
    if (d < best_distance && d <= std::max<std::size_t>(2, candidate.size() / 3)) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace atl::deck
