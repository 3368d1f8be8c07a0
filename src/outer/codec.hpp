// How numbers travel (PROTOCOL.md §5), and what a contribution's payload holds: the outer gradient.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace atl::outer {

// fp32: as they are. bf16: the upper half of each, rounded to nearest, ties to even.
enum class Codec { fp32, bf16 };

std::size_t encoded_bytes(Codec codec, std::size_t count);
// Little-endian. `out` and `bytes` have the size that encoded_bytes tells.
void encode(Codec codec, std::span<float const> values, std::span<std::byte> out);
std::vector<std::byte> encode(Codec codec, std::span<float const> values);
void decode(Codec codec, std::span<std::byte const> bytes, std::span<float> out);
// The numbers, decoded into `room` unless they can be read where they lie: valid as long as both.
std::span<float const> decoded(Codec codec, std::span<std::byte const> bytes, std::vector<float>& room);

// out = base - theta: the way from where the site is back to where it started. All of one size.
void difference(std::span<float const> base, std::span<float const> theta, std::span<float> out);

// False where a value is NaN or infinite.
bool is_finite(std::span<float const> values);

}  // namespace atl::outer
