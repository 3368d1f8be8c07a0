// What a contribution carries, what is refused as not finite, and what a site keeps when it adopts a release.
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.hpp"
#include "outer/codec.hpp"
#include "outer/receive.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

using Vector = std::vector<float>;

}  // namespace

TEST_CASE("the outer gradient points from where the site is to where it started") {
  Vector out(2);
  outer::difference(Vector{1.0f, 2.0f}, Vector{0.75f, 4.0f}, out);
  CHECK(out == Vector{0.25f, -2.0f});
  Vector wrong_size(3);
  CHECK_THROWS_AS(outer::difference(Vector(2), Vector(2), wrong_size), base::RuntimeFailure);
}

TEST_CASE("one value that is not a number is found wherever it stands") {
  float const bad = GENERATE(std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN(), -std::nanf("7"));
  Vector values(5000, std::numeric_limits<float>::max());
  values[17] = -std::numeric_limits<float>::max();
  values[18] = std::numeric_limits<float>::denorm_min();
  CHECK(outer::is_finite(values));
  for (std::size_t const place : {0u, 1023u, 1024u, 4999u}) {
    Vector damaged = values;
    damaged[place] = bad;
    INFO("at " << place);
    CHECK_FALSE(outer::is_finite(damaged));
  }
  CHECK(outer::is_finite(Vector{}));
}

TEST_CASE("rebase keeps what was trained since the reference on top of the release") {
  Vector theta = {1.5f, -2.0f, 0.0f};
  outer::rebase(theta, Vector{1.0f, -2.0f, 4.0f}, Vector{10.0f, 20.0f, 30.0f});
  CHECK(theta == Vector{10.5f, 20.0f, 26.0f});
}

TEST_CASE("a site that has not trained since the reference becomes the release exactly") {
  Vector theta = {0.1f, 1e-8f, 3e7f};
  Vector const release = {0.3f, 1.0f, 1e-9f};
  outer::rebase(theta, Vector(theta), release);
  CHECK(theta == release);
}

TEST_CASE("blend takes so much of the site's own parameters, and with 0 nothing of them") {
  Vector theta = {1.0f, -2.0f};
  outer::blend(theta, Vector{3.0f, 2.0f}, 0.25);
  CHECK(theta == Vector{2.5f, 1.0f});
  Vector const release = {0.1f, 1e-30f};
  outer::blend(theta, release, 0.0);
  CHECK(theta == release);
  outer::blend(theta, Vector{5.0f, 6.0f}, 1.0);
  CHECK(theta == release);
  CHECK_THROWS_AS(outer::blend(theta, Vector(3), 0.5), base::RuntimeFailure);
}
