// Counter-based random numbers: the value is a pure function of (key, counter), so any process can draw any
// element without drawing those before it. Philox4x32-10 (Salmon et al., SC'11).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace atl::base {

struct Philox {
  std::uint64_t key;  // usually the seed

  // Four independent 32-bit words for a 128-bit counter (stream, index).
  std::array<std::uint32_t, 4> words(std::uint64_t stream, std::uint64_t index) const {
    std::array<std::uint32_t, 4> c{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                                   static_cast<std::uint32_t>(stream),
                                   static_cast<std::uint32_t>(stream >> 32)};
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const p0 = 0xD2511F53ull * c[0];
      std::uint64_t const p1 = 0xCD9E8D57ull * c[2];
      c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
           static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return c;
  }

  // Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t stream, std::uint64_t index) const {
    auto const w = words(stream, index);
    std::uint64_t const bits = (static_cast<std::uint64_t>(w[0]) << 32 | w[1]) >> 11;
    return static_cast<double>(bits) * 0x1p-53;
  }

  // Uniform in 0..bound-1; the bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound, std::uint64_t stream, std::uint64_t index) const {
    auto const w = words(stream, index);
    std::uint64_t const bits = static_cast<std::uint64_t>(w[0]) << 32 | w[1];
    __extension__ using Wide = unsigned __int128;  // GCC and Clang have it, ISO C++ does not
    return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
  }

  // Four standard normals in single precision (Box-Muller), none larger than 5.9: a quarter of the time each.
  std::array<float, 4> normals(std::uint64_t stream, std::uint64_t index) const {
    auto const w = words(stream, index);
    std::array<float, 4> z;
    for (std::size_t pair = 0; pair < 4; pair += 2) {
      float const u =
          (static_cast<float>(w[pair] >> 8) + 0.5f) * 0x1p-24f;  // (0, 1]: the logarithm is finite
      float const turn = static_cast<float>(w[pair + 1] >> 8) * 0x1p-24f;
      float const radius = std::sqrt(-2.0f * std::log(u));
      z[pair] = radius * std::cos(2.0f * std::numbers::pi_v<float> * turn);
      z[pair + 1] = radius * std::sin(2.0f * std::numbers::pi_v<float> * turn);
    }
    return z;
  }

  // Standard normal (Box-Muller, one value a call).
  double normal(std::uint64_t stream, std::uint64_t index) const {
    auto const w = words(stream, index);
    std::uint64_t const a = (static_cast<std::uint64_t>(w[0]) << 32 | w[1]) >> 11;
    std::uint64_t const b = (static_cast<std::uint64_t>(w[2]) << 32 | w[3]) >> 11;
    double const u = (static_cast<double>(a) + 1.0) * 0x1p-53;  // (0, 1]: the logarithm is finite
    double const v = static_cast<double>(b) * 0x1p-53;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }
};

}  // namespace atl::base
