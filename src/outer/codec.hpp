// How numbers travel (PROTOCOL.md §5), and what a contribution's payload holds: the outer gradient.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace atl::outer {

// fp32: as they are. bf16: the upper half of each, rounded to nearest, ties to even. The others: blocks of
// 256 numbers with one scale, the largest magnitude; of a block with a number that is not finite, none is
// when decoded. int8, int4: the nearest of 127 or 7 equal steps on either side of 0. e3m0: sign and the
// nearest power of 2 in log space, 1 to 1/64 of the scale, or 0.
enum class Codec { fp32, bf16, int8, int4, e3m0 };
// By its name in a deck, which is its name here.
Codec codec_named(std::string_view name);

std::size_t encoded_bytes(Codec codec, std::size_t count);
// Little-endian. `out` and `bytes` have the size that encoded_bytes tells. Any bytes can be decoded; a scale
// that no encoder writes makes its block not finite.
void encode(Codec codec, std::span<float const> values, std::span<std::byte> out);
std::vector<std::byte> encode(Codec codec, std::span<float const> values);
void decode(Codec codec, std::span<std::byte const> bytes, std::span<float> out);
// The numbers, decoded into `room` unless they can be read where they lie: valid as long as both.
std::span<float const> decoded(Codec codec, std::span<std::byte const> bytes, std::size_t count,
                               std::vector<float>& room);

// fp32 numbers, each moved by its coded difference: the same bits on every machine. All of one count.
std::vector<std::byte> moved(std::span<std::byte const> numbers, Codec codec,
                             std::span<std::byte const> differences);

// out = base - theta: the way from where the site is back to where it started. All of one size.
void difference(std::span<float const> base, std::span<float const> theta, std::span<float> out);

// False where a value is NaN or infinite.
bool is_finite(std::span<float const> values);

// |values|, in double.
double norm(std::span<float const> values);

}  // namespace atl::outer
