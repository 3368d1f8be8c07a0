#include "tensor/partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.hpp"

namespace atl::tensor {

namespace {

// `pieces` can be dealt, and none of them is ever split.
void check_fragments(int fragments, int pieces, char const* piece) {
  if (fragments >= 1 && fragments <= pieces) return;
  throw base::InputError("outer.fragments",
                         fmt::format("{} fragments for a model of {} {}s", fragments, pieces, piece),
                         fmt::format("a {} is never split: use 1 to {}", piece, pieces));
}

}  // namespace

std::vector<int> partition_balanced(std::span<TensorSpec const> specs, int fragments) {
  check_fragments(fragments, static_cast<int>(specs.size()), "tensor");
  std::vector<std::size_t> order(specs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return specs[i].size(); });

  std::vector<std::size_t> load(static_cast<std::size_t>(fragments), 0);
  std::vector<int> fragment_of(specs.size());
  for (std::size_t const i : order) {
    auto const smallest = std::ranges::min_element(load);
    *smallest += specs[i].size();
    fragment_of[i] = static_cast<int>(smallest - load.begin());
  }
  return fragment_of;
}

std::vector<int> partition_strided(std::span<TensorSpec const> specs, int fragments) {
  int const layers = std::ranges::max(specs, {}, &TensorSpec::layer).layer + 1;
  check_fragments(fragments, layers, "layer");
  std::vector<int> fragment_of;
  int outside = 0;
  for (auto const& spec : specs) {
    if (spec.layer >= 0) outside = fragments - 1;  // from here on
    fragment_of.push_back(spec.layer >= 0 ? spec.layer % fragments : outside);
  }
  return fragment_of;
}

std::vector<int> partition_whole(std::span<TensorSpec const> specs) {
  return std::vector<int>(specs.size(), 0);
}

}  // namespace atl::tensor
