#include "tensor/partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.hpp"

namespace atl::tensor {

std::vector<int> partition_balanced(std::span<TensorSpec const> specs, int fragments) {
  if (fragments < 1 || static_cast<std::size_t>(fragments) > specs.size()) {
    throw base::InputError("outer.fragments",
                           fmt::format("{} fragments for a model of {} tensors", fragments, specs.size()),
                           fmt::format("a tensor is never split: use 1 to {}", specs.size()));
  }
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

}  // namespace atl::tensor
