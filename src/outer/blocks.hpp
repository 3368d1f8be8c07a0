// Walking over long vectors in blocks that stay in the first-level cache, and sums in an order of our own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "tensor/param_table.hpp"

namespace atl::outer {

inline constexpr std::size_t block_elements = 1024;

// Calls visit(block) for consecutive blocks of at most `block_elements` that make up `range`.
template <class Visit>
void for_each_block(tensor::Range range, Visit&& visit) {
  for (std::size_t done = 0; done < range.size; done += block_elements) {
    visit(tensor::Range{range.offset + done, std::min(block_elements, range.size - done)});
  }
}

// sum x^2 in double. With a fixed number of partial sums the loop vectorizes in the order that stands here.
template <class T>
double sum_of_squares(std::span<T const> values) {
  constexpr std::size_t lanes = 32;
  std::array<double, lanes> partial{};
  std::size_t const whole = values.size() / lanes * lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      auto const x = static_cast<double>(values[i + lane]);
      partial[lane] += x * x;
    }
  }
  for (std::size_t i = whole; i < values.size(); ++i) {
    auto const x = static_cast<double>(values[i]);
    partial[i - whole] += x * x;
  }
  double sum = 0.0;
  for (double const part : partial) sum += part;
  return sum;
}

}  // namespace atl::outer
