#include "model/initialize.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"

namespace atl::model {

namespace {

constexpr double initial_deviation = 0.02;

bool writes_to_residual(std::string_view name) {
  return name.ends_with(".attention.output") || name.ends_with(".ffn.down");
}

}  // namespace

void initialize(tensor::Tensor const& tensor, std::size_t index, deck::ModelSection const& model,
                std::uint64_t seed, std::span<float> out) {
  base::ensure(out.size() == tensor.size(), "a tensor is initialized as a whole");
  if (tensor.kind == tensor::Kind::vector) {
    std::ranges::fill(out, tensor.name.ends_with("_bias") ? 0.0f : 1.0f);
    return;
  }
  // 2 layers branches add up in the residual stream: scaled so, its variance does not grow with depth.
  auto const deviation =
      static_cast<float>(writes_to_residual(tensor.name) ? initial_deviation / std::sqrt(2.0 * model.layers)
                                                         : initial_deviation);
  base::Philox const random{seed};
  for (std::size_t begin = 0; begin < out.size(); begin += 4) {
    auto const z = random.normals(index, begin / 4);
    for (std::size_t i = begin; i < std::min(begin + 4, out.size()); ++i) out[i] = deviation * z[i - begin];
  }
}

}  // namespace atl::model
