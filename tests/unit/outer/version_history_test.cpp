// anchor = "current": a contribution from an old base, as if it were measured from the newest version.
#include "outer/version_history.hpp"

#include "base/error.hpp"
#include "base/memory_archive.hpp"
#include "support/catch.hpp"

using namespace atl;
using outer::Codec;
using outer::VersionHistory;

namespace {

using Vector = std::vector<float>;

VersionHistory::Release released(Codec codec, Vector const& theta) {
  return std::make_shared<std::vector<std::byte> const>(outer::encode(codec, theta));
}

}  // namespace

TEST_CASE("a contribution is moved by the way from its base to the newest version") {
  auto const codec = GENERATE(Codec::fp32, Codec::bf16);
  VersionHistory history(codec, 2);
  history.keep(7, released(codec, {1.0f, 10.0f}));
  history.keep(8, released(codec, {2.0f, 20.0f}));
  history.keep(9, released(codec, {4.0f, 40.0f}));
  Vector delta = {0.5f, -0.5f};
  history.shift(8, delta);
  CHECK(delta == Vector{2.5f, 19.5f});
  history.shift(9, delta);  // the newest: nothing to do
  CHECK(delta == Vector{2.5f, 19.5f});
  history.shift(7, delta);
  CHECK(delta == Vector{5.5f, 49.5f});
}

TEST_CASE("what is saved of the older versions moves contributions as before") {
  auto const codec = GENERATE(Codec::fp32, Codec::bf16);
  VersionHistory history(codec, 2);
  for (std::uint64_t commits = 6; commits < 10; ++commits)
    history.keep(commits, released(codec, {static_cast<float>(commits * commits)}));
  base::Values values;
  base::MemoryWriter writer(values);
  history.save(writer, 1);
  VersionHistory again(codec, 2);
  again.load(base::MemoryReader(values), 1);
  again.keep(9, released(codec, {81.0f}));
  Vector delta = {0.0f};
  again.shift(7, delta);
  CHECK(delta == Vector{32.0f});
  CHECK_THROWS(again.shift(6, delta));
}

TEST_CASE("the bases that sites have count, which is what they decode, not what the shard keeps") {
  float const fine = 1.0f + 1.0f / 512;
  VersionHistory history(Codec::bf16, 1);
  history.keep(0, released(Codec::bf16, {fine}));
  history.keep(1, released(Codec::bf16, {3.0f}));
  Vector delta = {0.0f};
  history.shift(0, delta);
  CHECK(delta == Vector{2.0f});
}

TEST_CASE("a version that is kept again takes its own place") {
  VersionHistory history(Codec::fp32, 2);
  for (float const theta : {1.0f, 2.0f}) history.keep(0, released(Codec::fp32, {theta}));
  history.keep(1, released(Codec::fp32, {5.0f}));
  Vector delta = {0.0f};
  history.shift(0, delta);
  CHECK(delta == Vector{3.0f});
}

TEST_CASE("fragments longer than a block are moved as a whole") {
  VersionHistory history(Codec::fp32, 1);
  history.keep(0, released(Codec::fp32, Vector(5000, 1.0f)));
  history.keep(1, released(Codec::fp32, Vector(5000, 3.0f)));
  Vector delta(5000, 1.0f);
  history.shift(0, delta);
  CHECK(delta == Vector(5000, 3.0f));
}

TEST_CASE("versions older than max_staleness are forgotten, and refused") {
  VersionHistory history(Codec::fp32, 1);
  for (std::uint64_t commits : {3u, 4u, 5u}) history.keep(commits, released(Codec::fp32, {0.0f}));
  Vector delta = {1.0f};
  CHECK_NOTHROW(history.shift(4, delta));
  CHECK_THROWS_AS(history.shift(3, delta), base::RuntimeFailure);
  CHECK_THROWS_AS(history.shift(6, delta), base::RuntimeFailure);
  Vector other_size(2);
  CHECK_THROWS_AS(history.shift(4, other_size), base::RuntimeFailure);
}
