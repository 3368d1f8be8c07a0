// The inner optimizer, beside its comparison with PyTorch (tests/unit/model/golden_test.cpp).
#include "optim/inner_optimizer.hpp"

#include "operands.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("the first step of AdamW has the length of the rate, whatever the gradient's") {
  auto const table = small_table();
  optim::InnerOptimizer optimizer({}, inner_with(deck::InnerOptimizerKind::adamw, 0.0), table);
  auto const params = filled(table.size(), 1.0f);
  optimizer.step(params, filled(table.size(), GENERATE(1e-3f, 1e3f)), 0.125, 1.0);
  for (float const p : values(params)) CHECK(p == Approx(0.875f));
}

TEST_CASE("matrices and embeddings decay, vectors do not") {
  auto const kind = GENERATE(deck::InnerOptimizerKind::adamw, deck::InnerOptimizerKind::sgd);
  auto const table = small_table();
  optim::InnerOptimizer optimizer({}, inner_with(kind, 0.5), table);
  auto const params = filled(table.size(), 1.0f);
  optimizer.step(params, filled(table.size(), 0.0f), 0.25, 1.0);
  auto const decayed = values(params);
  for (auto const& tensor : table.tensors()) {
    INFO(tensor.name);
    float const expected = tensor.name == "norm" ? 1.0f : 1.0f - 0.25f * 0.5f;
    for (std::size_t i = 0; i < tensor.size(); ++i) CHECK(decayed[tensor.range.offset + i] == expected);
  }
}

TEST_CASE("SGD without momentum takes the clipped gradient times the rate") {
  auto const table = small_table();
  optim::InnerOptimizer optimizer({}, inner_with(deck::InnerOptimizerKind::sgd, 0.0), table);
  auto const params = filled(table.size(), 1.0f);
  optimizer.step(params, filled(table.size(), 2.0f), 0.25, 0.5);
  for (float const p : values(params)) CHECK(p == 0.75f);
}

// torch.optim.SGD([p], lr=0.25, momentum=0.5): buffers 1, 0.5 + 2, 1.25 - 1
TEST_CASE("SGD with momentum steps along a buffer that gathers clipped gradients") {
  auto const table = small_table();
  auto inner = inner_with(deck::InnerOptimizerKind::sgd, 0.0);
  inner.momentum = 0.5;
  optim::InnerOptimizer optimizer({}, inner, table);
  auto const params = filled(table.size(), 1.0f);
  for (float const gradient : {2.0f, 4.0f, -2.0f})
    optimizer.step(params, filled(table.size(), gradient), 0.25, 0.5);
  for (float const p : values(params)) CHECK(p == 1.0f - 0.25f * (1.0f + 2.5f + 0.25f));
}

TEST_CASE("AdamW keeps two floats a parameter, SGD one for its momentum or none") {
  auto const table = small_table();
  auto const bytes_for = [&](deck::InnerSection const& inner, tensor::Range share) {
    return optim::InnerOptimizer::bytes_for(inner, table, share);
  };
  auto inner = inner_with(deck::InnerOptimizerKind::adamw, 0.0);
  CHECK(bytes_for(inner, {0, table.size()}) == 8 * table.size());
  CHECK(bytes_for(inner, {16, 48}) == 8 * 48);
  inner.optimizer = deck::InnerOptimizerKind::sgd;
  CHECK(bytes_for(inner, {16, 48}) == 0);
  inner.momentum = 0.5;
  CHECK(bytes_for(inner, {16, 48}) == 4 * 48);
}
