// Error feedback: nothing that a codec leaves out is lost, and nothing is sent twice.
#include "outer/residual.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "support/catch.hpp"

using namespace atl;
using outer::Codec;
using outer::Residual;

namespace {

using Vector = std::vector<float>;

Vector send(Residual& residual, Vector const& delta, Codec codec = Codec::bf16) {
  Vector arrived(delta.size());
  outer::decode(codec, residual.encode(delta), arrived);
  return arrived;
}

constexpr float fine = 1.0f + 1.0f / 512;  // bf16 knows 1 and 1 + 1/128

// What is saved of one fragment.
struct Store final : base::Writer, base::Reader {
  std::map<std::string, Vector, std::less<>> vectors;
  std::map<std::string, std::uint64_t, std::less<>> numbers;

  std::unique_ptr<base::Writer> group(std::string_view) override { return nullptr; }
  std::unique_ptr<base::Reader> group(std::string_view) const override { return nullptr; }
  void write(std::string_view name, std::uint64_t value) override { numbers[std::string(name)] = value; }
  void write(std::string_view, double) override {}
  void write(std::string_view, std::string_view) override {}
  void write(std::string_view name, std::span<float const> values) override {
    vectors[std::string(name)].assign(values.begin(), values.end());
  }
  void write(std::string_view, std::span<std::uint64_t const>) override {}
  std::uint64_t read_uint(std::string_view name) const override { return numbers.find(name)->second; }
  double read_double(std::string_view) const override { return 0.0; }
  std::string read_text(std::string_view) const override { return {}; }
  void read(std::string_view name, std::span<float> values) const override {
    auto const& stored = vectors.find(name)->second;
    std::copy(stored.begin(), stored.end(), values.begin());
  }
  std::vector<std::uint64_t> read_uints(std::string_view) const override { return {}; }
};

}  // namespace

TEST_CASE("what was left out of a contribution that counts goes into the next") {
  Residual residual(Codec::bf16, 1);
  float sent = 0.0f;
  for (int i = 0; i < 4; ++i) {
    sent += send(residual, {fine})[0];
    residual.settle(true);
  }
  CHECK(sent == 4 * fine);
}

TEST_CASE("what was left out of a contribution that does not count is forgotten with it") {
  Residual residual(Codec::bf16, 1);
  send(residual, {fine});
  residual.settle(true);  // 1/512 is left
  auto const once = send(residual, {fine});
  residual.settle(false);
  CHECK(send(residual, {fine}) == once);
}

TEST_CASE("over many contributions, all that was trained arrives but for the last rounding") {
  struct Coarseness {
    Codec codec;
    double step;  // of the last rounding, of numbers up to 1; what was left over before makes them a little
                  // larger
  };
  auto const [codec, step] = GENERATE(Coarseness{Codec::bf16, 1.0 / 256}, Coarseness{Codec::int8, 1.0 / 250},
                                      Coarseness{Codec::int4, 1.2 / 14}, Coarseness{Codec::e3m0, 0.5});
  constexpr std::size_t size = 300;
  base::Philox const random{3};
  Residual residual(codec, size);
  std::vector<double> wanted(size), arrived(size), without(size);
  for (std::uint64_t round = 0; round < 60; ++round) {
    Vector delta(size);
    for (std::size_t i = 0; i < size; ++i) delta[i] = static_cast<float>(random.uniform(round, i));
    auto const got = send(residual, delta, codec);
    bool const counts = round % 3 != 0;
    residual.settle(counts);
    if (!counts) continue;
    Vector alone(size);
    outer::decode(codec, outer::encode(codec, delta), alone);
    for (std::size_t i = 0; i < size; ++i) {
      wanted[i] += delta[i];
      arrived[i] += got[i];
      without[i] += alone[i];
    }
  }
  double furthest = 0.0, furthest_without = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    furthest = std::max(furthest, std::abs(wanted[i] - arrived[i]));
    furthest_without = std::max(furthest_without, std::abs(wanted[i] - without[i]));
  }
  CHECK(furthest <= step);
  CHECK(furthest_without > 2 * furthest);  // 40 roundings, each forgotten
}

TEST_CASE("what is smaller than every step arrives once it has grown together") {
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  Residual residual(codec, 2);
  double arrived = 0.0;
  for (int round = 0; round < 1000; ++round) {
    arrived += send(residual, {1.0f, 0.001f}, codec)[1];
    residual.settle(true);
  }
  CHECK(arrived == Approx(1.0).margin(0.08));
}

TEST_CASE("what is not finite leaves nothing over") {
  Residual residual(Codec::bf16, 3);
  float const infinity = std::numeric_limits<float>::infinity();
  send(residual, {infinity, std::nanf(""), fine});
  residual.settle(true);
  CHECK(send(residual, {1.0f, 1.0f, 0.0f}) == Vector{1.0f, 1.0f, 1.0f / 512});

  Residual of_blocks(Codec::int4, 3);
  send(of_blocks, {infinity, 0.3f, 1.0f}, Codec::int4);
  of_blocks.settle(true);
  CHECK(send(of_blocks, {7.0f, 1.0f, 0.0f}, Codec::int4) == Vector{7.0f, 1.0f, 0.0f});
}

TEST_CASE("fp32 leaves nothing over") {
  Residual residual(Codec::fp32, 2);
  Vector const delta = {fine, 0.1f};
  CHECK(residual.encode(delta) == outer::encode(Codec::fp32, delta));
  CHECK(residual.encode(delta) == outer::encode(Codec::fp32, delta));
  residual.settle(true);
}

TEST_CASE("one contribution at a time, of the whole fragment") {
  Residual residual(Codec::bf16, 1);
  CHECK_THROWS_AS(send(residual, {1.0f, 2.0f}), base::RuntimeFailure);
  send(residual, {fine});
  CHECK_THROWS_AS(send(residual, {fine}), base::RuntimeFailure);
}

TEST_CASE("a residual goes on from where it was saved, with a contribution under way or without") {
  Residual residual(Codec::bf16, 1);
  send(residual, {fine});
  residual.settle(true);
  bool const is_under_way = GENERATE(true, false);
  if (is_under_way) send(residual, {fine});
  Store store;
  residual.save(store);
  Residual resumed(Codec::bf16, 1);
  resumed.load(store);
  for (auto* each : {&residual, &resumed}) each->settle(true);
  CHECK(send(resumed, {fine}) == send(residual, {fine}));
}
