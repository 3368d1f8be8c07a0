// The inner optimizer, beside its comparison with PyTorch (tests/unit/model/golden_test.cpp).
#include "optim/inner_optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "support/catch.hpp"

using namespace atl;

namespace {

tensor::ParamTable small_table() {
  std::vector<tensor::TensorSpec> const specs = {{"embedding", tensor::Kind::embedding, 5, 3},
                                                 {"norm", tensor::Kind::vector, 3, 1},
                                                 {"matrix", tensor::Kind::matrix, 4, 3}};
  return tensor::ParamTable(specs, std::vector<int>{1, 0, 1}, 2);
}

kernels::FloatBuffer filled(std::size_t size, float value) {
  auto const buffer = kernels::make_float_buffer("test", size);
  Kokkos::deep_copy(buffer, value);
  return buffer;
}

std::vector<float> values(kernels::FloatBuffer const& buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

deck::InnerSection inner_with(deck::InnerOptimizerKind kind, double weight_decay) {
  deck::InnerSection inner;
  inner.optimizer = kind;
  inner.weight_decay = weight_decay;
  return inner;
}

// A checkpoint in memory.
struct Saved {
  std::map<std::string, std::uint64_t, std::less<>> numbers;
  std::map<std::string, std::vector<float>, std::less<>> arrays;
};

class SavedWriter : public base::Writer {
 public:
  explicit SavedWriter(Saved& saved) : saved_(saved) {}
  std::unique_ptr<base::Writer> group(std::string_view) override { throw std::logic_error("no groups here"); }
  void write(std::string_view name, std::uint64_t value) override {
    saved_.numbers[std::string(name)] = value;
  }
  void write(std::string_view, double) override { throw std::logic_error("no doubles here"); }
  void write(std::string_view, std::string_view) override { throw std::logic_error("no texts here"); }
  void write(std::string_view name, std::span<float const> array) override {
    saved_.arrays[std::string(name)].assign(array.begin(), array.end());
  }
  void write(std::string_view, std::span<std::uint64_t const>) override {
    throw std::logic_error("no lists here");
  }

 private:
  Saved& saved_;
};

class SavedReader : public base::Reader {
 public:
  explicit SavedReader(Saved const& saved) : saved_(saved) {}
  std::unique_ptr<base::Reader> group(std::string_view) const override {
    throw std::logic_error("no groups here");
  }
  std::uint64_t read_uint(std::string_view name) const override { return saved_.numbers.find(name)->second; }
  double read_double(std::string_view) const override { throw std::logic_error("no doubles here"); }
  std::string read_text(std::string_view) const override { throw std::logic_error("no texts here"); }
  void read(std::string_view name, std::span<float> array) const override {
    auto const& saved = saved_.arrays.find(name)->second;
    if (saved.size() != array.size()) throw std::logic_error("an array of another size");
    std::ranges::copy(saved, array.begin());
  }
  std::vector<std::uint64_t> read_uints(std::string_view) const override {
    throw std::logic_error("no lists here");
  }

 private:
  Saved const& saved_;
};

// Gradients of step `t`, different in every element and step.
kernels::FloatBuffer gradients_of(int t, std::size_t size) {
  auto const gradients = kernels::make_float_buffer("gradients", size);
  for (std::size_t i = 0; i < size; ++i) {
    gradients(i) = std::sin(static_cast<float>(t) * 1.7f + static_cast<float>(i) * 0.9f);
  }
  return gradients;
}

}  // namespace

TEST_CASE("the first step of AdamW has the length of the rate, whatever the gradient's") {
  auto const table = small_table();
  optim::InnerOptimizer optimizer({}, inner_with(deck::InnerOptimizerKind::adamw, 0.0), table);
  auto const params = filled(table.size(), 1.0f);
  optimizer.step(params, filled(table.size(), GENERATE(1e-3f, 1e3f)), 0.125, 1.0);
  for (float const p : values(params)) CHECK(p == Approx(0.875f));
}

TEST_CASE("matrices and embeddings decay, vectors do not") {
  auto const kind = GENERATE(deck::InnerOptimizerKind::adamw, deck::InnerOptimizerKind::sgd);
  auto const table = small_table();
  optim::InnerOptimizer optimizer({}, inner_with(kind, 0.5), table);
  auto const params = filled(table.size(), 1.0f);
  optimizer.step(params, filled(table.size(), 0.0f), 0.25, 1.0);
  for (auto const& tensor : table.tensors()) {
    INFO(tensor.name);
    float const expected = tensor.name == "norm" ? 1.0f : 1.0f - 0.25f * 0.5f;
    for (std::size_t i = 0; i < tensor.size(); ++i) CHECK(params(tensor.range.offset + i) == expected);
  }
}

TEST_CASE("SGD takes the clipped gradient times the rate, and keeps no moments") {
  auto const table = small_table();
  optim::InnerOptimizer optimizer({}, inner_with(deck::InnerOptimizerKind::sgd, 0.0), table);
  auto const params = filled(table.size(), 1.0f);
  optimizer.step(params, filled(table.size(), 2.0f), 0.25, 0.5);
  for (float const p : values(params)) CHECK(p == 0.75f);
  CHECK(optimizer.bytes() == 0);
}

TEST_CASE("the moments of AdamW cost two floats a parameter") {
  auto const table = small_table();
  optim::InnerOptimizer const optimizer({}, inner_with(deck::InnerOptimizerKind::adamw, 0.0), table);
  CHECK(optimizer.bytes() == 8 * table.size());
}

TEST_CASE("an optimizer that was saved and loaded goes on to the same bits") {
  auto const inner =
      inner_with(GENERATE(deck::InnerOptimizerKind::adamw, deck::InnerOptimizerKind::sgd), 0.1);
  auto const table = small_table();
  auto const params = filled(table.size(), 1.0f);
  optim::InnerOptimizer optimizer({}, inner, table);
  for (int t = 1; t <= 3; ++t) optimizer.step(params, gradients_of(t, table.size()), 0.01, 0.9);

  Saved saved;
  SavedWriter writer(saved);
  optimizer.save(writer);
  auto const resumed_params = kernels::make_float_buffer("resumed", table.size());
  Kokkos::deep_copy(resumed_params, params);
  optim::InnerOptimizer resumed({}, inner, table);
  resumed.load(SavedReader(saved));
  CHECK(resumed.steps() == 3);

  for (int t = 4; t <= 6; ++t) {
    optimizer.step(params, gradients_of(t, table.size()), 0.01, 0.9);
    resumed.step(resumed_params, gradients_of(t, table.size()), 0.01, 0.9);
  }
  CHECK(values(resumed_params) == values(params));
}
