// Matrix products against the triple loop, in all three transpositions.
#include "kernels/matmul.hpp"

#include "kernels/reference/matmul.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 1e-6;  // sums of at most 130 rounded products

using Kernel = void (*)(Exec const&, Factor const&, Factor const&, Update, Product const&);
using Twin = reference::Values (*)(reference::Input, reference::Input, reference::Extents const&);

struct Transposition {
  char const* name;
  Kernel kernel;
  Twin twin;
  bool a_transposed, b_transposed;
};

Transposition const transpositions[] = {{"nt", matmul_nt, reference::matmul_nt, false, true},
                                        {"nn", matmul_nn, reference::matmul_nn, false, false},
                                        {"tn", matmul_tn, reference::matmul_tn, true, false}};

reference::Extents const shapes[] = {{1, 1, 1}, {7, 5, 3}, {64, 33, 130}, {3, 129, 1}, {130, 64, 17}};

TEST_CASE("a product equals its twin, written or added") {
  Exec const exec;
  for (Transposition const& t : transpositions) {
    for (reference::Extents const& s : shapes) {
      INFO(t.name << " rows " << s.rows << " cols " << s.cols << " inner " << s.inner);
      Operand a = random_operand(s.rows * s.inner, 1), b = random_operand(s.inner * s.cols, 2);
      auto const a_view = a.matrix(t.a_transposed ? s.inner : s.rows);
      auto const b_view = b.matrix(t.b_transposed ? s.cols : s.inner);
      reference::Values const expected = t.twin(a.values(), b.values(), s);

      Operand written = unset(s.rows * s.cols);
      t.kernel(exec, a_view, b_view, Update::overwrite, written.matrix(s.rows));
      CHECK(relative_error(written, expected) < tolerance);

      Operand added = random_operand(s.rows * s.cols, 3);
      reference::Values const sum = plus(added.values(), expected);
      t.kernel(exec, a_view, b_view, Update::add, added.matrix(s.rows));
      CHECK(relative_error(added, sum) < tolerance);
    }
  }
}

TEST_CASE("a product reads and writes ranges of columns and leaves the others alone") {
  Exec const exec;
  std::size_t const n = 9, m = 6, k = 5, first = 4;
  Operand wide = random_operand(n * (first + k), 1), weight = random_operand(m * k, 2);
  Operand out(n * (first + m), 7.0F);
  matmul_nt(exec, columns(wide.matrix(n), first, k), weight.matrix(m), Update::overwrite,
            columns(out.matrix(n), first, m));

  reference::Values narrow;
  reference::Values const all = wide.values();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % (first + k) >= first) narrow.push_back(all[i]);
  }
  reference::Values const product = reference::matmul_nt(narrow, weight.values(), {n, m, k});
  reference::Values expected(out.size(), 7.0);
  for (std::size_t i = 0; i < product.size(); ++i) expected[i / m * (first + m) + first + i % m] = product[i];
  CHECK(relative_error(out, expected) < tolerance);
}

TEST_CASE("a product of the same operands has the same bits") {
  Exec const exec;
  Operand a = random_operand(100 * 70, 1), b = random_operand(90 * 70, 2), once = unset(100 * 90),
          twice = unset(100 * 90);
  matmul_nt(exec, a.matrix(100), b.matrix(90), Update::overwrite, once.matrix(100));
  matmul_nt(exec, a.matrix(100), b.matrix(90), Update::overwrite, twice.matrix(100));
  CHECK(bit_equal(once, twice));
}

TEST_CASE("a product adds a bias to every row, or says that it has not") {
  Exec const exec;
  std::size_t const n = 64, m = 96, k = 32;
  Operand a = random_operand(n * k, 1), b = random_operand(m * k, 2), bias = random_operand(m, 3),
          out = unset(n * m);
  bool const is_added = matmul_nt_bias(exec, a.matrix(n), b.matrix(m), bias.vector().data(), out.matrix(n));
  auto expected = reference::matmul_nt(a.values(), b.values(), {n, m, k});
  auto const added = bias.values();
  for (std::size_t i = 0; i < expected.size() && is_added; ++i) expected[i] += added[i % m];
  CHECK(relative_error(out, expected) < tolerance);
}

TEST_CASE("operands that do not fit together are refused") {
  Exec const exec;
  Operand a(6, 0.0F), b(6, 0.0F), out(4, 0.0F);
  CHECK_THROWS_WITH(matmul_nt(exec, a.matrix(2), b.matrix(3), Update::overwrite, out.matrix(2)),
                    ContainsSubstring("matmul_nt"));
}
