// The gradient of the whole model against differences of its loss.
#include <cmath>

#include "base/rng.hpp"
#include "small_model.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

// (loss(params + h direction) - loss(params - h direction)) / 2h
double slope(test::SmallModel const& small, model::Transformer& transformer, model::Batch const& batch,
             std::vector<double> const& direction, double h) {
  auto const start = test::to_host(small.params);
  auto const moved = kernels::make_float_buffer("moved", start.size());
  double losses[2];
  for (int side = 0; side < 2; ++side) {
    double const distance = side == 0 ? h : -h;
    auto values = start;
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(static_cast<double>(start[i]) + distance * direction[i]);
    }
    test::from_host(values, moved);
    losses[side] = transformer.forward_loss(batch, moved).sum;
  }
  return (losses[0] - losses[1]) / (2.0 * h);
}

}  // namespace

TEST_CASE("the gradient of every tensor is the slope of the loss") {
  auto section = GENERATE(test::small_section(), test::small_gpt2_section());
  section.tied_embeddings = GENERATE(false, true);
  section.kv_heads = GENERATE(2, 1);
  test::SmallModel const small(section);
  test::Sequences const sequences(section, 3, section.context, 11);
  auto transformer = small.transformer(3);
  transformer.forward_backward(sequences.batch(), small.params, 1.0, small.gradients, {});

  auto const gradients = small.gradient_values();
  base::Philox const random{12};
  for (auto const& tensor : small.table.tensors()) {
    INFO(tensor.name << (section.tied_embeddings ? ", tied, " : ", untied, ") << section.kv_heads
                     << " kv heads");
    auto const begin = tensor.range.offset, end = tensor.range.offset + tensor.range.size;
    double squares = 0.0;
    for (std::size_t i = begin; i < end; ++i) squares += static_cast<double>(gradients[i]) * gradients[i];
    double const norm = std::sqrt(squares);
    if (tensor.name.ends_with("key_bias")) {  // adds the same to all scores of a query: changes nothing
      CHECK(norm < 1e-4);
      continue;
    }
    REQUIRE(norm > 0.1);

    // Along the gradient, and along it with random signs: a wrong element cannot hide in both. Both are of
    // length 1, and large elements of the gradient lead, since fp32 losses cannot resolve the small ones.
    std::vector<double> along(small.params.size(), 0.0), across(small.params.size(), 0.0);
    double expected_across = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      double const g = gradients[i];
      along[i] = g / norm;
      across[i] = (random.below(2, 0, i) == 0 ? 1.0 : -1.0) * along[i];
      expected_across += across[i] * g;
    }
    CHECK(std::abs(slope(small, transformer, sequences.batch(), along, 1e-3) - norm) < 5e-3 * norm);
    CHECK(std::abs(slope(small, transformer, sequences.batch(), across, 1e-3) - expected_across) <
          5e-3 * norm);
  }
}
