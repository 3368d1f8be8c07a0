// The exponential that kernels vectorize, against the C library's in double.
#include "kernels/math.hpp"

#include <cmath>

#include "support/catch.hpp"

using atl::kernels::fast_exp;
using atl::kernels::sigmoid;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float smallest_exponent = -87.3365448F;  // below it e^x is not a normal float any more

TEST_CASE("the fast exponential is exact to 2e-7 wherever its value is a normal float") {
  double worst = 0.0;
  for (std::uint32_t bits = 0; bits < 0xFFFFF000U; bits += 1021) {  // over all floats, both signs
    float const x = std::bit_cast<float>(bits);
    if (!(x >= smallest_exponent && x < 88.72F)) continue;
    double const expected = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(fast_exp(x)) - expected) / expected);
  }
  CHECK(worst < 2e-7);
  CHECK(worst > 0.0);
}

TEST_CASE("the fast exponential keeps the limits") {
  CHECK(fast_exp(0.0F) == 1.0F);
  CHECK(fast_exp(-infinity) == 0.0F);
  CHECK(fast_exp(-1e30F) == 0.0F);
  CHECK(fast_exp(-87.4F) == 0.0F);
  CHECK(fast_exp(smallest_exponent) > 0.0F);
  CHECK(fast_exp(88.8F) == infinity);
  CHECK(fast_exp(infinity) == infinity);
  CHECK(std::isnan(fast_exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("the sigmoid saturates at 0 and 1") {
  CHECK(sigmoid(0.0F) == 0.5F);
  CHECK(sigmoid(-1000.0F) == 0.0F);
  CHECK(sigmoid(1000.0F) == 1.0F);
}
