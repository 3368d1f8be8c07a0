#include "outer/merge.hpp"

#include <array>
#include <cmath>

#include "base/error.hpp"
#include "outer/blocks.hpp"
#include "outer/codec.hpp"

namespace atl::outer {

namespace {

using tensor::Range;

// sum_m factors[m] delta_m over one block, in double.
void combine_block(std::span<Weighted const> members, std::span<double const> factors, Range block,
                   double* sum) {
  float const* const first = members[0].delta.data() + block.offset;
  for (std::size_t i = 0; i < block.size; ++i) sum[i] = factors[0] * static_cast<double>(first[i]);
  for (std::size_t m = 1; m < members.size(); ++m) {
    float const* const delta = members[m].delta.data() + block.offset;
    for (std::size_t i = 0; i < block.size; ++i) sum[i] += factors[m] * static_cast<double>(delta[i]);
  }
}

// out = sum_m factors[m] delta_m over `range`; one pass over memory, rounded once.
void combine(std::span<Weighted const> members, std::span<double const> factors, Range range,
             std::span<float> out) {
  std::array<double, block_elements> sum;
  for_each_block(range, [&](Range block) {
    combine_block(members, factors, block, sum.data());
    for (std::size_t i = 0; i < block.size; ++i) out[block.offset + i] = static_cast<float>(sum[i]);
  });
}

// |sum_m factors[m] delta_m| over `range`. Nothing is stored: what is stored later is rounded only once.
double combined_length(std::span<Weighted const> members, std::span<double const> factors, Range range) {
  std::array<double, block_elements> sum;
  double squares = 0.0;
  for_each_block(range, [&](Range block) {
    combine_block(members, factors, block, sum.data());
    squares += sum_of_squares(std::span<double const>(sum.data(), block.size));
  });
  return std::sqrt(squares);
}

// `average`: the normalized weights.
void merge_tensor_by_direction(std::span<Weighted const> members, std::span<double const> average,
                               Range range, std::span<float> out) {
  constexpr double shortest_direction = 1e-12;
  double mean_length = 0.0;
  std::vector<double> factors(members.size());
  for (std::size_t m = 0; m < members.size(); ++m) {
    double const member_length = norm(members[m].delta.subspan(range.offset, range.size));
    mean_length += average[m] * member_length;
    factors[m] = member_length > 0.0 ? average[m] / member_length : 0.0;  // phi(0) = 0
  }
  double const direction = combined_length(members, factors, range);
  if (direction < shortest_direction) {
    combine(members, average, range, out);
    return;
  }
  for (double& factor : factors) factor *= mean_length / direction;
  combine(members, factors, range, out);
}

}  // namespace

void merge(MergeRule rule, std::span<tensor::Tensor const* const> tensors, Range fragment,
           std::span<Weighted const> members, std::span<float> out) {
  base::ensure(!members.empty(), "a merge needs a member");
  base::ensure(out.size() == fragment.size, "a merge fills the whole fragment");
  double total = 0.0;
  for (auto const& member : members) {
    base::ensure(member.delta.size() == fragment.size, "a member brings the whole fragment");
    base::ensure(member.weight > 0.0 && std::isfinite(member.weight), "weights are positive");
    total += member.weight;
  }
  std::vector<double> average;
  for (auto const& member : members) average.push_back(member.weight / total);

  // Both rules give a single member back as it is.
  if (rule == MergeRule::average || members.size() == 1) {
    combine(members, average, {0, fragment.size}, out);
    return;
  }
  for (auto const* tensor : tensors) {
    Range const range{tensor->range.offset - fragment.offset, tensor->range.size};
    if (tensor->kind == tensor::Kind::embedding) {
      combine(members, average, range, out);
    } else {
      merge_tensor_by_direction(members, average, range, out);
    }
  }
}

}  // namespace atl::outer
