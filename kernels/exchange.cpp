#include "kernels/exchange.hpp"

#include <bit>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"
#include "outer/coded_numbers.hpp"
#include "outer/receive.hpp"

namespace atl::kernels {
namespace {

// base - theta + left of element i.
struct Wanted {
  float const *base, *theta, *left;
  KOKKOS_FORCEINLINE_FUNCTION float operator()(std::size_t i) const { return base[i] - theta[i] + left[i]; }
};

KOKKOS_FORCEINLINE_FUNCTION float finite_or_zero(float x) { return outer::is_finite(x) ? x : 0.0F; }

// A lane takes a byte: two codes where these are of 4 bits, the lower first.
template <class Number>
void code_blocks(Exec const& exec, OuterGradient const& gradient, Bytes const& coded) {
  constexpr std::size_t block = outer::coded_block_elements;
  constexpr bool is_packed = !std::is_same_v<Number, outer::Int8>;
  constexpr std::size_t stride = sizeof(float) + (is_packed ? block / 2 : block);
  Wanted const wanted{gradient.base.data(), gradient.theta.data(), gradient.left.data()};
  float* const left_out = gradient.under_way.data();
  std::byte* const bytes = coded.data();
  std::size_t const size = gradient.base.extent(0);
  for_rows(
      exec, "contribution", (size + block - 1) / block, block,
      KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        std::size_t const begin = n * block, count = begin + block < size ? block : size - begin;
        float* const here = left_out + begin;  // holds what is wanted, until that is coded
        // What is not finite counts as infinite: it must not be passed over.
        float const largest = lanes.highest(count, [&](std::size_t c) {
          float const x = wanted(begin + c);
          here[c] = x;
          return outer::is_finite(x) ? std::bit_cast<float>(outer::magnitude_of(x))
                                     : std::numeric_limits<float>::infinity();
        });
        float const scale = outer::scale_for(outer::magnitude_of(largest));
        float const factor = Number::factor(scale);
        std::byte* const to = bytes + n * stride;
        auto* const codes = reinterpret_cast<std::uint8_t*>(to + sizeof(float));
        lanes.once([&] { *reinterpret_cast<float*>(to) = scale; });
        lanes.wait();
        if (is_packed) {  // nvcc wants no constexpr here
          lanes.each(count / 2, [&](std::size_t i) {
            codes[i] = static_cast<std::uint8_t>((Number::code(here[2 * i], factor) & 15) |
                                                 Number::code(here[2 * i + 1], factor) << 4);
          });
          if (count % 2 == 1)
            lanes.once([&] { codes[count / 2] = Number::code(here[count - 1], factor) & 15; });
        } else {
          lanes.each(count, [&](std::size_t c) { codes[c] = Number::code(here[c], factor); });
        }
        lanes.wait();
        lanes.each(count, [&](std::size_t c) {
          auto const code = static_cast<std::int8_t>(Number::code(here[c], factor));
          here[c] = finite_or_zero(here[c] - Number::number(code, scale));
        });
      });
}

void code_bf16(Exec const& exec, OuterGradient const& gradient, Bytes const& coded) {
  Wanted const wanted{gradient.base.data(), gradient.theta.data(), gradient.left.data()};
  float* const left_out = gradient.under_way.data();
  auto* const to = reinterpret_cast<std::uint16_t*>(coded.data());
  for_elements(
      exec, "contribution", gradient.base.extent(0), KOKKOS_LAMBDA(std::size_t i) {
        float const number = wanted(i);
        to[i] = outer::to_bf16(number);
        left_out[i] = finite_or_zero(number - outer::from_bf16(to[i]));
      });
}

void subtract(Exec const& exec, OuterGradient const& gradient, Bytes const& coded) {
  float const *const base = gradient.base.data(), *const theta = gradient.theta.data();
  auto* const to = reinterpret_cast<float*>(coded.data());
  for_elements(
      exec, "contribution", gradient.base.extent(0),
      KOKKOS_LAMBDA(std::size_t i) { to[i] = base[i] - theta[i]; });
}

// change(i, what was released of element i)
template <class Number, class Change>
void adopt_as(Exec const& exec, Released const& release, std::size_t size, Change const& change) {
  auto const* const released = reinterpret_cast<Number const*>(release.bytes.data());
  for_elements(
      exec, "adoption", size, KOKKOS_LAMBDA(std::size_t i) { change(i, static_cast<float>(released[i])); });
}

template <class Change>
void adopt(Exec const& exec, Released const& release, std::size_t size, Change const& change) {
  if (release.bytes.extent(0) != outer::encoded_bytes(release.codec, size))
    throw std::runtime_error("a release has the size of its fragment");
  if (release.codec == outer::Codec::fp32) return adopt_as<float>(exec, release, size, change);
  if (release.codec == outer::Codec::bf16) return adopt_as<Bf16>(exec, release, size, change);
  throw std::runtime_error("a release is of whole numbers: fp32 or bf16");
}

}  // namespace

void code(Exec const& exec, outer::Codec codec, OuterGradient const& gradient, Bytes const& coded) {
  if (coded.extent(0) != outer::encoded_bytes(codec, gradient.base.extent(0)))
    throw std::runtime_error("coded numbers need room of their size");
  moves(gradient.base, gradient.theta, gradient.left, gradient.under_way, coded);
  switch (codec) {
    case outer::Codec::fp32:
      return subtract(exec, gradient, coded);
    case outer::Codec::bf16:
      return code_bf16(exec, gradient, coded);
    case outer::Codec::int8:
      return code_blocks<outer::Int8>(exec, gradient, coded);
    case outer::Codec::int4:
      return code_blocks<outer::Int4>(exec, gradient, coded);
    case outer::Codec::e3m0:
      return code_blocks<outer::InPowers>(exec, gradient, coded);
  }
}

void overwrite(Exec const& exec, Released const& release, Tensor1<float> theta, Tensor1<float> base) {
  moves(release.bytes, theta, base);
  float *const local = theta.data(), *const from_here = base.data();
  adopt(
      exec, release, theta.extent(0),
      KOKKOS_LAMBDA(std::size_t i, float released) { local[i] = from_here[i] = released; });
}

void blend(Exec const& exec, Released const& release, double alpha, Tensor1<float> theta,
           Tensor1<float> base) {
  moves(release.bytes, theta, theta, base);
  float *const local = theta.data(), *const from_here = base.data();
  adopt(
      exec, release, theta.extent(0), KOKKOS_LAMBDA(std::size_t i, float released) {
        local[i] = outer::blended(local[i], released, alpha);
        from_here[i] = released;
      });
}

void rebase(Exec const& exec, Released const& release, Tensor1<float const> reference, Tensor1<float> theta,
            Tensor1<float> second, Tensor1<float> base) {
  moves(release.bytes, reference, theta, theta, second, second, base);
  float const* const was = reference.data();
  float *const local = theta.data(), *const other = second.data(), *const from_here = base.data();
  bool const has_second = second.extent(0) > 0;
  adopt(
      exec, release, theta.extent(0), KOKKOS_LAMBDA(std::size_t i, float released) {
        float const reference_here = was[i];  // may be the base's
        local[i] = outer::rebased(local[i], reference_here, released);
        if (has_second) other[i] = outer::rebased(other[i], reference_here, released);
        from_here[i] = released;
      });
}

}  // namespace atl::kernels
