// Muon: PyTorch's numbers for the matrices of layers, AdamW for everything else.
#include <algorithm>

#include "operands.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::test;

namespace {

// Small multiples of 1/4, as tests/peers/golden_muon.py has them.
kernels::FloatBuffer numbers(std::size_t size, std::size_t factor, std::size_t shift) {
  std::vector<float> quarters(size);
  for (std::size_t i = 0; i < size; ++i) {
    quarters[i] = (static_cast<float>((i * factor + shift) % 7) - 3.0f) / 4.0f;
  }
  return kernels::copy_of("test", quarters);
}

struct Golden {
  std::size_t rows, cols;
  std::vector<float> trained;
};

}  // namespace

// Printed by tests/peers/golden_muon.py.
TEST_CASE("three steps of Muon with Nesterov momentum and decay are PyTorch's") {
  auto const golden = GENERATE(
      Golden{2, 3, {-0.225654088f, 0.727501377f, 0.005962210f, -0.727626733f, 0.230682796f, -0.471279742f}},
      Golden{4,
             3,
             {-0.222347256f, 0.738513888f, 0.003987640f, -0.730986810f, 0.224698383f, -0.470026400f,
              0.461265981f, -0.228351411f, 0.725815400f, 0.012945250f, -0.733216227f, 0.223391289f}});
  tensor::ParamTable const table({{.name = "matrix", .rows = golden.rows, .cols = golden.cols, .layer = 0}},
                                 std::vector<int>{0}, 1);
  auto inner = inner_with(deck::InnerOptimizerKind::muon, 0.1);
  inner.muon_momentum = 0.9;
  optim::InnerOptimizer optimizer({}, inner, table);
  auto const params = numbers(table.size(), 4, 2);
  for (std::size_t t = 1; t <= 3; ++t) optimizer.step(params, numbers(table.size(), t + 2, t), 0.05, 1.0);
  auto const trained = values(params);
  for (std::size_t i = 0; i < table.size(); ++i)
    CHECK_THAT(trained[i], WithinAbs(golden.trained[i], 1e-5 * 0.74));
}

TEST_CASE("with Muon embeddings, vectors and an untied head take AdamW's steps, to the bit") {
  auto const table = small_table();
  tensor::Range const all{0, table.size()};
  auto const params = filled(table.size(), 1.0f), by_adamw = filled(table.size(), 1.0f);
  auto muon = ranks_of(inner_with(deck::InnerOptimizerKind::muon, 0.1), table, {all});
  auto adamw = ranks_of(inner_with(deck::InnerOptimizerKind::adamw, 0.1), table, {all});
  take_steps(muon, 1, 3, params);
  take_steps(adamw, 1, 3, by_adamw);
  auto const ours = values(params), theirs = values(by_adamw);
  for (auto const& tensor : table.tensors()) {
    INFO(tensor.name);
    bool same = true;
    for (std::size_t i = tensor.range.offset; i < tensor.range.offset + tensor.size(); ++i)
      same = same && ours[i] == theirs[i];
    CHECK(same == (tensor.name != "query" && tensor.name != "up"));
  }
}

TEST_CASE("the length of a gradient does not matter to Muon") {
  tensor::ParamTable const table({{.name = "matrix", .rows = 3, .cols = 5, .layer = 0}}, std::vector<int>{0},
                                 1);
  auto const step = [&](double clip_factor) {
    optim::InnerOptimizer optimizer({}, inner_with(deck::InnerOptimizerKind::muon, 0.0), table);
    auto const params = filled(table.size(), 0.0f);
    optimizer.step(params, gradients_of(1, table.size()), 0.01, clip_factor);
    return values(params);
  };
  CHECK(step(1.0) == step(0x1p-12));
}

TEST_CASE("Muon keeps one float for an element of a layer's matrix, two for the others") {
  auto const table = small_table();
  auto const bytes = optim::InnerOptimizer::bytes_for(inner_with(deck::InnerOptimizerKind::muon, 0.0), table,
                                                      {0, table.size()});
  std::size_t const matrices = 7 * 6 + 12 * 6, scratch = 2 * 12 * 6 + 2 * 6 * 6;
  CHECK(bytes == 4 * matrices + 8 * (table.size() - matrices) + 4 * scratch);
}
