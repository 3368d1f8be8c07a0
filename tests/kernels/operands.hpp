// What kernel tests are made of: random operands, comparison with a twin, finite differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "comparison.hpp"
#include "kernels/buffer.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/reference/values.hpp"
#include "kernels/views.hpp"
#include "support/catch.hpp"
#include "support/host_copy.hpp"

namespace atl::kernels::test {

// Floats in the memory of the execution space, that kernels see as views and twins as doubles.
class Operand {
 public:
  explicit Operand(std::vector<float> const& data) : data_(make_float_buffer("operand", data.size())) {
    atl::test::from_host(data, data_);
  }
  Operand(std::size_t size, float value) : Operand(std::vector<float>(size, value)) {}
  Operand(Operand const& other) : Operand(other.floats()) {}
  Operand& operator=(Operand const&) = delete;

  Tensor1<float> vector() { return data_; }
  Tensor2<float> matrix(std::size_t rows) { return Tensor2<float>(data_.data(), rows, size() / rows); }
  Tensor3<float> tensor(std::size_t first, std::size_t second) {
    return Tensor3<float>(data_.data(), first, second, size() / (first * second));
  }
  void set(std::size_t i, float value) { Kokkos::deep_copy(Kokkos::subview(data_, i), value); }

  std::vector<float> floats() const { return atl::test::to_host(data_); }
  reference::Values values() const {
    auto const data = floats();
    return {data.begin(), data.end()};
  }
  std::size_t size() const { return data_.size(); }

 private:
  FloatBuffer data_;
};

// The same rounded to bf16. Twins are given what is left of the values.
class NarrowOperand {
 public:
  explicit NarrowOperand(std::vector<float> const& data)
      : data_(make_bf16_buffer("narrow operand", data.size())) {
    narrow(Exec(), Operand(data).vector(), data_);
    Kokkos::fence();
  }
  NarrowOperand(std::size_t size, float value) : NarrowOperand(std::vector<float>(size, value)) {}

  Tensor1<Bf16> vector() { return data_; }
  Tensor2<Bf16> matrix(std::size_t rows) { return Tensor2<Bf16>(data_.data(), rows, size() / rows); }

  std::vector<float> floats() const {
    auto const on_host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), data_);
    return {on_host.data(), on_host.data() + on_host.size()};
  }
  reference::Values values() const {
    auto const data = floats();
    return {data.begin(), data.end()};
  }
  std::size_t size() const { return data_.size(); }

 private:
  Bf16Buffer data_;
};

// Where a reduction leaves its result, for the host to read.
template <class T>
class Number {
 public:
  explicit Number(T value) : data_("number") { Kokkos::deep_copy(data_, value); }
  Scalar<T> view() const { return data_; }
  T value() const {
    T on_host;
    Kokkos::deep_copy(on_host, data_);
    return on_host;
  }

 private:
  Kokkos::View<T, Kokkos::LayoutRight, ExecMemory> data_;
};

inline Operand random_operand(std::size_t size, std::uint32_t seed, float amplitude = 1.0F) {
  return Operand(random_floats(size, seed, amplitude));
}
inline NarrowOperand random_narrow(std::size_t size, std::uint32_t seed, float amplitude = 1.0F) {
  return NarrowOperand(random_floats(size, seed, amplitude));
}

// For outputs that must be overwritten: whatever is left of it fails every comparison.
inline Operand unset(std::size_t size) { return {size, std::numeric_limits<float>::quiet_NaN()}; }
inline NarrowOperand unset_narrow(std::size_t size) {
  return {size, std::numeric_limits<float>::quiet_NaN()};
}

inline std::vector<std::int32_t> random_tokens(std::size_t size, std::size_t vocabulary, std::uint32_t seed) {
  std::mt19937 bits(seed);
  std::vector<std::int32_t> tokens(size);
  for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(bits() % vocabulary);
  return tokens;
}

inline TokenBuffer view_of(std::vector<std::int32_t> const& tokens) {
  TokenBuffer const copy("tokens", tokens.size());
  Kokkos::deep_copy(copy,
                    Kokkos::View<std::int32_t const*, Kokkos::LayoutRight, Kokkos::HostSpace,
                                 Kokkos::MemoryTraits<Kokkos::Unmanaged>>(tokens.data(), tokens.size()));
  return copy;
}

inline double relative_error(Operand const& actual, reference::Values const& expected) {
  return relative_error(actual.floats(), expected);
}
inline double relative_error(NarrowOperand const& actual, reference::Values const& expected) {
  return relative_error(actual.floats(), expected);
}

inline bool bit_equal(Operand const& a, Operand const& b) { return bit_equal(a.floats(), b.floats()); }

// d loss / d x[i] by central differences of a loss computed in double: exact to about 1e-9.
template <class Loss>
reference::Values finite_differences(reference::Values x, Loss const& loss) {
  constexpr double step = 1e-5;
  reference::Values gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const here = x[i];
    x[i] = here + step;
    double const above = loss(x);
    x[i] = here - step;
    double const below = loss(x);
    x[i] = here;
    gradient[i] = (above - below) / (2.0 * step);
  }
  return gradient;
}

// The loss whose gradient with respect to y is dy.
inline double dot(reference::Input y, reference::Input dy) {
  double sum = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
  return sum;
}

// a + b, for outputs that accumulate
inline reference::Values plus(reference::Values a, reference::Values const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

}  // namespace atl::kernels::test
