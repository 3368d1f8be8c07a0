// Newton-Schulz: the twin's numbers, and what it is for, singular values near 1.
#include "kernels/newton_schulz.hpp"

#include "kernels/reduce.hpp"
#include "kernels/reference/matmul.hpp"
#include "kernels/reference/newton_schulz.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

namespace {

struct Shape {
  std::size_t rows, cols;
};

Operand orthogonalized(Operand x, Shape shape) {
  Operand scratch = unset(newton_schulz_scratch(shape.rows, shape.cols)), out = unset(x.size());
  Number<double> const squared_norm(0.0);
  sum_of_squares(Exec(), x.vector(), squared_norm.view());
  newton_schulz(Exec(), squared_norm.view(), x.matrix(shape.rows), scratch.vector(), out.matrix(shape.rows));
  return out;
}

// I - 2 u u^T / u^T u: orthogonal, and dense.
reference::Values householder(std::size_t side, std::uint32_t seed) {
  auto const u = random_operand(side, seed).values();
  reference::Values matrix(side * side);
  for (std::size_t i = 0; i < side * side; ++i) {
    matrix[i] = (i / side == i % side ? 1.0 : 0.0) - 2.0 * u[i / side] * u[i % side] / dot(u, u);
  }
  return matrix;
}

// U diag(values) V^T
reference::Values with_singular_values(reference::Input values, Shape shape) {
  reference::Values diagonal(shape.rows * shape.cols, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) diagonal[i * shape.cols + i] = values[i];
  auto const left =
      reference::matmul_nn(householder(shape.rows, 1), diagonal, {shape.rows, shape.cols, shape.rows});
  return reference::matmul_nn(left, householder(shape.cols, 2), {shape.rows, shape.cols, shape.cols});
}

}  // namespace

TEST_CASE("Newton-Schulz equals its twin, whichever side is longer") {
  auto const shape = GENERATE(Shape{24, 40}, Shape{40, 24}, Shape{33, 33}, Shape{1, 9}, Shape{9, 1});
  Operand const x = random_operand(shape.rows * shape.cols, 3);
  auto const expected = reference::newton_schulz(x.values(), shape.rows, shape.cols);
  CHECK(relative_error(orthogonalized(x, shape), expected) < 1e-5);
}

TEST_CASE("Newton-Schulz brings singular values near 1 and keeps their vectors") {
  auto const shape = GENERATE(Shape{5, 8}, Shape{8, 5}, Shape{5, 5});
  float const length = GENERATE(1e-5F, 1.0F, 1e6F);  // of the whole matrix: it must not matter
  reference::Values values = {1.0, 0.5, 0.2, 0.05, 0.01};
  auto const x = with_singular_values(values, shape);
  std::vector<float> scaled;
  for (double const element : x) scaled.push_back(length * static_cast<float>(element));

  double const norm = std::sqrt(dot(values, values));
  for (double& value : values) {
    value /= norm;
    for (int step = 0; step < 5; ++step)
      value = 3.4445 * value - 4.7750 * std::pow(value, 3) + 2.0315 * std::pow(value, 5);
    CHECK(value > 0.68);
    CHECK(value < 1.21);
  }
  CHECK(relative_error(orthogonalized(Operand(scaled), shape), with_singular_values(values, shape)) < 1e-4);
}

TEST_CASE("a matrix of zeros stays one") {
  Operand const out = orthogonalized(Operand(12, 0.0F), {3, 4});
  CHECK(out.floats() == std::vector<float>(12, 0.0F));
}

TEST_CASE("Newton-Schulz refuses scratch memory that is too short") {
  Operand x(12, 1.0F), out(12, 0.0F), scratch(newton_schulz_scratch(3, 4) - 1, 0.0F);
  Number<double> const squared_norm(12.0);
  CHECK_THROWS_WITH(newton_schulz(Exec(), squared_norm.view(), x.matrix(3), scratch.vector(), out.matrix(3)),
                    ContainsSubstring("newton_schulz"));
}
