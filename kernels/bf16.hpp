// Brain floating point: the upper half of a float. What products may read; sums are kept in floats.
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace atl::kernels {

// By __builtin_bit_cast: to nvcc std::bit_cast is a function of the host.
struct Bf16 {
  Bf16() = default;
  // To nearest, ties to even; a NaN stays one.
  KOKKOS_FORCEINLINE_FUNCTION explicit Bf16(float value) : bits(rounded(value)) {}
  // Beside the constructor, since the compiler does not vectorize what copies an object.
  KOKKOS_FORCEINLINE_FUNCTION Bf16& operator=(float value) {
    bits = rounded(value);
    return *this;
  }
  KOKKOS_FORCEINLINE_FUNCTION operator float() const {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16U);
  }

  std::uint16_t bits;

 private:
  KOKKOS_FORCEINLINE_FUNCTION static std::uint16_t rounded(float value) {
    auto const whole = __builtin_bit_cast(std::uint32_t, value);
    std::uint32_t const nearest = (whole + 0x7FFFU + ((whole >> 16U) & 1U)) >> 16U;
    return static_cast<std::uint16_t>(value == value ? nearest : 0x7FC0U);
  }
};

}  // namespace atl::kernels
