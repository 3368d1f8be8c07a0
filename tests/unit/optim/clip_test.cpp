// Clipping by global norm.
#include "optim/clip.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/on_host.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

double squared_norm(std::vector<float> const& gradients) {
  auto const there = kernels::copy_of("gradients", gradients);
  Kokkos::View<double, kernels::ExecMemory> const room("room");
  return optim::squared_norm({}, there, room);
}

}  // namespace

TEST_CASE("the norm of a large buffer is summed in double") {
  std::size_t const size = 3'000'000;
  std::vector<float> const gradients(size, 1e-3f);
  double const exact = static_cast<double>(size) * static_cast<double>(1e-3f) * static_cast<double>(1e-3f);
  CHECK_THAT(squared_norm(gradients), WithinRel(exact, 1e-9));  // floats alone reach 1e-4 at best
}

TEST_CASE("a gradient that is not finite shows in the norm") {
  std::vector<float> gradients(100);
  gradients[57] = GENERATE(std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN());
  CHECK_FALSE(std::isfinite(squared_norm(gradients)));
}

TEST_CASE("only gradients above the limit are shortened, to the limit") {
  CHECK(optim::clip_factor(0.5, 1.0) == 1.0);
  CHECK(4.0 * optim::clip_factor(4.0, 1.0) == Approx(1.0).epsilon(1e-6));
  CHECK(4.0 * optim::clip_factor(4.0, 1.0) < 1.0);
}

TEST_CASE("a limit of 0 is none") { CHECK(optim::clip_factor(1e9, 0.0) == 1.0); }
