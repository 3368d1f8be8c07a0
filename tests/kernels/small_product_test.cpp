// Products without packing against the triple loop, at sizes around those of a tile.
#include "kernels/small_product.hpp"

#include "kernels/reference/matmul.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 1e-6;  // sums of at most 130 rounded products

TEST_CASE("small products equal their twins, written or added, of ranges of columns too") {
  Exec const exec;
  for (std::size_t const rows : {1, 5, 6, 7, 64}) {
    for (std::size_t const cols : {1, 4, 8, 15, 16, 64, 67, 130}) {
      for (std::size_t const inner : {1, 3, 64, 130}) {
        INFO("rows " << rows << " cols " << cols << " inner " << inner);
        Operand a = random_operand(rows * inner, 1), b = random_operand(inner * (cols + 3), 2);
        auto const b_view = columns(b.matrix(inner), 3, cols);
        reference::Values narrow;
        for (std::size_t i = 0; i < inner; ++i) {
          for (std::size_t c = 0; c < cols; ++c) narrow.push_back(b.values()[i * (cols + 3) + 3 + c]);
        }
        auto const nn = reference::matmul_nn(a.values(), narrow, {rows, cols, inner});
        auto const tn = reference::matmul_tn(a.values(), narrow, {rows, cols, inner});

        Operand out = unset(rows * cols);
        small_product_nn(exec, a.matrix(rows), b_view, Update::overwrite, out.matrix(rows));
        CHECK(relative_error(out, nn) < tolerance);
        small_product_tn(exec, a.matrix(inner), b_view, Update::add, out.matrix(rows));
        CHECK(relative_error(out, plus(nn, tn)) < 2 * tolerance);
      }
    }
  }
}

TEST_CASE("a transpose is a matrix by columns") {
  for (std::size_t const rows : {1, 15, 16, 70}) {
    std::size_t const cols = 33;
    Operand x = random_operand(rows * cols, 1), out = unset(rows * cols);
    transpose(Exec(), x.matrix(rows), out.matrix(cols));
    auto const from = x.floats(), to = out.floats();
    bool equal = true;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) equal = equal && to[c * rows + r] == from[r * cols + c];
    }
    CHECK(equal);
  }
}
