// The loops that kernels are written in: lanes within a row, elements of a vector, sums of columns.
#include "kernels/loops.hpp"

#include "kernels/columns.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

namespace {

constexpr std::size_t rows_tried = 5;
std::size_t const widths[] = {0, 1, 31, 32, 33, 300, 5000};

// sum, both of sums, highest: as the last lane has them.
void reduce_rows(Tensor2<float const> x, Tensor2<float> results) {
  std::size_t const width = x.extent(1);
  for_rows(
      Exec(), "reduce_rows", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const total = lanes.sum(width, [&](std::size_t c) { return x(n, c); });
        Terms<2> const both = lanes.sums(width, [&](std::size_t c) { return Terms<2>{x(n, c), 1.0F}; });
        float const highest = lanes.highest(width, [&](std::size_t c) { return x(n, c); });
        lanes.each(32, [&](std::size_t c) {
          if (c < 31) return;
          results(n, 0) = total;
          results(n, 1) = both.of[0];
          results(n, 2) = both.of[1];
          results(n, 3) = highest;
        });
      });
}

// reversed[n] = x[n] backwards, by way of a copy; calls[n] counts how often once() was.
void reverse_rows(Tensor2<float const> x, Tensor2<float> copy, Tensor2<float> reversed,
                  Tensor1<float> calls) {
  std::size_t const width = x.extent(1);
  for_rows(
      Exec(), "reverse_rows", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        lanes.each(width, [&](std::size_t c) { copy(n, c) = x(n, c); });
        lanes.once([&] { calls(n) += 1.0F; });
        lanes.wait();
        lanes.each(width, [&](std::size_t c) { reversed(n, c) = copy(n, width - 1 - c); });
      });
}

// x[n, p * size + c] = 100 p + c
void number_parts(Tensor2<float> x, std::size_t parts) {
  std::size_t const size = x.extent(1) / parts;
  for_rows(
      Exec(), "number_parts", x.extent(0), x.extent(1), KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        lanes.each(parts, size, [&](std::size_t p, std::size_t c) {
          x(n, p * size + c) = static_cast<float>(100 * p + c);
        });
      });
}

// places[n] = the first i from n on with x[i] = 1
void find_ones(Tensor1<float const> x, Tensor1<float> places) {
  std::size_t const size = x.extent(0);
  for_rows(
      Exec(), "find_ones", size, 1, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        std::size_t const place = lanes.first(n, size, [&](std::size_t i) { return x(i) == 1.0F; });
        lanes.once([&] { places(n) = static_cast<float>(place); });
      });
}

// sums[p,c] += sum of x[n,c] over n with n % period = p, and the same of the negatives
void sum_both_signs(Tensor2<float const> x, Tensor2<float> sums, Tensor2<float> negative_sums) {
  sum_columns<2>(
      Exec(), "sum_both_signs", {.rows = x.extent(0), .width = x.extent(1), .period = sums.extent(0)},
      KOKKOS_LAMBDA(std::size_t n, std::size_t c) {
        return Terms<2>{x(n, c), -x(n, c)};
      },
      KOKKOS_LAMBDA(std::size_t p, std::size_t c, Terms<2> const& totals) {
        sums(p, c) += totals.of[0];
        negative_sums(p, c) += totals.of[1];
      });
}

}  // namespace

TEST_CASE("lanes add up and compare the elements of their row") {
  for (std::size_t const width : widths) {
    INFO("width " << width);
    Operand x = random_operand(rows_tried * width, 1), results = unset(rows_tried * 4),
            again = unset(rows_tried * 4);
    Tensor2<float> const in(x.vector().data(), rows_tried, width);
    reduce_rows(in, results.matrix(rows_tried));
    reduce_rows(in, again.matrix(rows_tried));
    CHECK(bit_equal(results, again));
    auto const values = x.floats(), found = results.floats();
    for (std::size_t n = 0; n < rows_tried; ++n) {
      double total = 0.0;
      float highest = -std::numeric_limits<float>::infinity();
      for (std::size_t c = 0; c < width; ++c) {
        total += values[n * width + c];
        highest = std::max(highest, values[n * width + c]);
      }
      CHECK_THAT(found[n * 4], WithinAbs(total, 1e-4));
      CHECK_THAT(found[n * 4 + 1], WithinAbs(total, 1e-4));
      CHECK(found[n * 4 + 2] == static_cast<float>(width));
      if (width > 0) CHECK(found[n * 4 + 3] == highest);
    }
  }
}

TEST_CASE("behind wait() lanes see what other lanes wrote, and once() is once") {
  for (std::size_t const width : widths) {
    INFO("width " << width);
    Operand x = random_operand(rows_tried * width, 1), copy = unset(x.size()), reversed = unset(x.size()),
            calls(rows_tried, 0.0F);
    auto const matrix = [&](Operand& operand) {
      return Tensor2<float>(operand.vector().data(), rows_tried, width);
    };
    reverse_rows(matrix(x), matrix(copy), matrix(reversed), calls.vector());
    auto expected = x.floats();
    for (std::size_t n = 0; n < rows_tried; ++n) {
      auto const row = expected.begin() + static_cast<std::ptrdiff_t>(n * width);
      std::reverse(row, row + static_cast<std::ptrdiff_t>(width));
    }
    CHECK(reversed.floats() == expected);
    CHECK(calls.floats() == std::vector<float>(rows_tried, 1.0F));
  }
}

TEST_CASE("lanes go over the parts of a row") {
  std::size_t const parts = 3, size = 50;
  Operand x = unset(2 * parts * size);
  number_parts(x.matrix(2), parts);
  auto const found = x.floats();
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i] == static_cast<float>(100 * (i % (parts * size) / size) + i % size));
  }
}

TEST_CASE("lanes find the first element of a kind, or the end") {
  std::vector<float> x(200, 0.0F), expected(200, 200.0F);
  for (std::size_t const one : {3, 4, 40, 150}) x[one] = 1.0F;
  for (std::size_t i = x.size(); i-- > 0;) {
    if (i + 1 < x.size()) expected[i] = expected[i + 1];
    if (x[i] == 1.0F) expected[i] = static_cast<float>(i);
  }
  Operand in(x), places = unset(x.size());
  find_ones(in.vector(), places.vector());
  CHECK(places.floats() == expected);
}

TEST_CASE("sums of columns are those of double arithmetic, for every period, and the same twice") {
  struct Shape {
    std::size_t count, width, period;
  };
  Shape const shapes[] = {{1, 1, 1},    {7, 70, 1},  {1000, 3, 1}, {2000, 130, 1},
                          {60, 65, 20}, {63, 1, 20}, {2, 600, 2}};
  for (auto const& [count, width, period] : shapes) {
    INFO(count << " x " << width << " of period " << period);
    Operand x = random_operand(count * width, 1), sums(period * width, 1.0F), negative = sums, again = sums,
            negative_again = sums;
    sum_both_signs(x.matrix(count), sums.matrix(period), negative.matrix(period));
    sum_both_signs(x.matrix(count), again.matrix(period), negative_again.matrix(period));
    auto const values = x.values();
    reference::Values expected(period * width, 1.0), expected_negative(period * width, 1.0);
    for (std::size_t n = 0; n < count; ++n) {
      for (std::size_t c = 0; c < width; ++c) {
        expected[n % period * width + c] += values[n * width + c];
        expected_negative[n % period * width + c] -= values[n * width + c];
      }
    }
    CHECK(relative_error(sums, expected) < 2e-7);
    CHECK(relative_error(negative, expected_negative) < 2e-7);
    CHECK(bit_equal(sums, again));
    CHECK(bit_equal(negative, negative_again));
  }
}
