// The outer step: Nesterov's recurrence by hand, plain SGD, and what a checkpoint keeps.
#include "outer/outer_optimizer.hpp"

#include <map>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

using Vector = std::vector<float>;

// The float vectors of a checkpoint, by name, in memory.
class Memory final : public base::Writer, public base::Reader {
 public:
  std::map<std::string, Vector, std::less<>> vectors;

  void write(std::string_view name, std::span<float const> values) override {
    vectors[std::string(name)] = Vector(values.begin(), values.end());
  }
  void read(std::string_view name, std::span<float> values) const override {
    auto const found = vectors.find(name);
    if (found == vectors.end() || found->second.size() != values.size()) {
      throw base::InputError(std::string(name), "absent, or of another length", "");
    }
    std::ranges::copy(found->second, values.begin());
  }

  [[noreturn]] static void fail() { throw base::RuntimeFailure("not a vector of floats"); }
  std::unique_ptr<base::Writer> group(std::string_view) override { fail(); }
  void write(std::string_view, std::uint64_t) override { fail(); }
  void write(std::string_view, double) override { fail(); }
  void write(std::string_view, std::string_view) override { fail(); }
  void write(std::string_view, std::span<std::uint64_t const>) override { fail(); }
  std::unique_ptr<base::Reader> group(std::string_view) const override { fail(); }
  std::uint64_t read_uint(std::string_view) const override { fail(); }
  double read_double(std::string_view) const override { fail(); }
  std::string read_text(std::string_view) const override { fail(); }
  std::vector<std::uint64_t> read_uints(std::string_view) const override { fail(); }
};

}  // namespace

TEST_CASE("Nesterov: the buffer gathers gradients, and a step looks ahead by it") {
  outer::OuterOptimizer optimizer({.lr = 0.5, .momentum = 0.5}, 2);
  Vector theta = {10.0f, -1.0f};
  // b = (2, 0), step = delta + 0.5 b = (3, 0)
  optimizer.step(Vector{2.0f, 0.0f}, theta);
  CHECK(theta == Vector{8.5f, -1.0f});
  // b = (1 + 4, 0 + 8) = (5, 8), step = (4 + 2.5, 8 + 4)
  optimizer.step(Vector{4.0f, 8.0f}, theta);
  CHECK(theta == Vector{5.25f, -7.0f});
  // b = (2.5, 4), step = (1.25, 2): without a gradient the momentum goes on
  optimizer.step(Vector{0.0f, 0.0f}, theta);
  CHECK(theta == Vector{4.625f, -8.0f});
}

TEST_CASE("plain SGD with lr 1 undoes the difference: theta becomes the site's") {
  outer::OuterOptimizer optimizer({.lr = 1.0, .momentum = 0.0}, 3);
  Vector theta = {1.0f, 2.0f, 3.0f};
  optimizer.step(Vector{0.25f, -0.5f, 4.0f}, theta);
  CHECK(theta == Vector{0.75f, 2.5f, -1.0f});
  optimizer.step(Vector{0.0f, 0.0f, 0.0f}, theta);
  CHECK(theta == Vector{0.75f, 2.5f, -1.0f});
}

TEST_CASE("an optimizer that was saved and loaded goes on as if nothing had happened") {
  outer::OuterOptimizer::Options const options{.lr = 0.7, .momentum = 0.6};
  outer::OuterOptimizer original(options, 2);
  Vector theta = {1.0f, -1.0f};
  original.step(Vector{0.3f, -0.2f}, theta);

  Memory memory;
  original.save(memory);
  outer::OuterOptimizer restored(options, 2);
  restored.load(memory);

  Vector expected = theta;
  original.step(Vector{0.1f, 0.4f}, expected);
  restored.step(Vector{0.1f, 0.4f}, theta);
  CHECK(theta == expected);

  outer::OuterOptimizer other_size(options, 3);
  CHECK_THROWS_AS(other_size.load(memory), base::InputError);
}

TEST_CASE("plain SGD has nothing to save") {
  Memory memory;
  outer::OuterOptimizer({.lr = 1.0, .momentum = 0.0}, 2).save(memory);
  CHECK(memory.vectors.empty());
}

TEST_CASE("an outer step refuses vectors that are not the fragment") {
  outer::OuterOptimizer optimizer({}, 2);
  Vector theta(3);
  CHECK_THROWS_AS(optimizer.step(Vector(3), theta), base::RuntimeFailure);
}
