// Reductions, element-wise kernels and buffers: what happens to flat vectors.
#include <cstdint>

#include "kernels/buffer.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/reduce.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

std::size_t const sizes[] = {0, 1, 7, 4096, 4097, 20011};

TEST_CASE("sums are those of double arithmetic, and the same twice") {
  for (std::size_t const size : sizes) {
    INFO("size " << size);
    Operand x = random_operand(size, 1);
    Number<double> total(-1.0), squares(-1.0), again(-1.0);
    sum(Exec(), x.vector(), total.view());
    sum_of_squares(Exec(), x.vector(), squares.view());
    sum_of_squares(Exec(), x.vector(), again.view());
    reference::Values const values = x.values();
    CHECK_THAT(total.value(), WithinAbs(dot(values, reference::Values(size, 1.0)), 1e-9));
    CHECK_THAT(squares.value(), WithinAbs(dot(values, values), 1e-9));
    CHECK(squares.value() == again.value());
  }
}

TEST_CASE("a sum keeps small terms beside large ones") {
  Operand x({1e8F, 1.0F, -1e8F});  // in float the 1 would be lost
  Number<double> total(0.0);
  sum(Exec(), x.vector(), total.view());
  CHECK(total.value() == 1.0);
}

TEST_CASE("every value that is infinite or not a number is counted") {
  for (std::size_t const size : sizes) {
    INFO("size " << size);
    Operand x = random_operand(size, 1, std::numeric_limits<float>::max());
    std::int64_t expected = 0;
    Number<std::int64_t> count(-1);
    for (std::size_t i = 0; i < size; i += 5) {
      float const bad[] = {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};
      x.set(i, bad[i % 3]);
      ++expected;
    }
    count_non_finite(Exec(), x.vector(), count.view());
    CHECK(count.value() == expected);
  }
}

TEST_CASE("fill, scale and add do so to every element") {
  for (std::size_t const size : sizes) {
    INFO("size " << size);
    Operand x = random_operand(size, 1), y = unset(size);
    fill(Exec(), 2.0F, y.vector());
    CHECK(bit_equal(y, Operand(size, 2.0F)));
    scale(Exec(), -1.5F, y.vector());
    CHECK(bit_equal(y, Operand(size, -3.0F)));
    add(Exec(), x.vector(), y.vector());
    CHECK(relative_error(y, plus(x.values(), reference::Values(size, -3.0))) < 1e-7);
  }
}

TEST_CASE("a range of a vector changes nothing outside itself") {
  Operand y(10, 1.0F);
  fill(Exec(), 5.0F, range(y.vector(), 3, 4));
  CHECK(y.floats() == std::vector<float>{1, 1, 1, 5, 5, 5, 5, 1, 1, 1});
}

TEST_CASE("rows and columns of a matrix are the part of it they name") {
  Operand x(12, 0.0F);
  auto const matrix = x.matrix(3);
  auto const part = columns(rows(matrix, 1, 2), 2, 2);
  CHECK(part.extent(0) == 2);
  CHECK(part.extent(1) == 2);
  CHECK(part.stride(0) == 4);
  CHECK(part.data() == matrix.data() + 4 + 2);
}

TEST_CASE("a new buffer is zero and aligned") {
  for (std::size_t const size :
       {std::size_t{0}, std::size_t{3}, std::size_t{3} << 20U}) {  // 12 MiB: huge pages
    INFO("size " << size);
    FloatBuffer const buffer = make_float_buffer("test", size);
    CHECK(buffer.size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    Number<double> squares(-1.0);
    sum_of_squares(Exec(), buffer, squares.view());
    CHECK(squares.value() == 0.0);
  }
}
