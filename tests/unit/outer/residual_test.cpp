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

Vector send(Residual& residual, Vector const& delta) {
  Vector arrived(delta.size());
  outer::decode(Codec::bf16, residual.encode(delta), arrived);
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
  constexpr std::size_t size = 300;
  base::Philox const random{3};
  Residual residual(Codec::bf16, size);
  std::vector<double> wanted(size), arrived(size);
  for (std::uint64_t round = 0; round < 40; ++round) {
    Vector delta(size);
    for (std::size_t i = 0; i < size; ++i) delta[i] = static_cast<float>(random.uniform(round, i));
    auto const got = send(residual, delta);
    bool const counts = round % 3 != 0;
    residual.settle(counts);
    if (!counts) continue;
    for (std::size_t i = 0; i < size; ++i) {
      wanted[i] += delta[i];
      arrived[i] += got[i];
    }
  }
  double furthest = 0.0;
  for (std::size_t i = 0; i < size; ++i) furthest = std::max(furthest, std::abs(wanted[i] - arrived[i]));
  CHECK(furthest <= 1.0 / 256);
}

TEST_CASE("what is not finite leaves nothing over") {
  Residual residual(Codec::bf16, 3);
  float const infinity = std::numeric_limits<float>::infinity();
  send(residual, {infinity, std::nanf(""), fine});
  residual.settle(true);
  CHECK(send(residual, {1.0f, 1.0f, 0.0f}) == Vector{1.0f, 1.0f, 1.0f / 512});
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
