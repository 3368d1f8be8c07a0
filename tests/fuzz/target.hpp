// What every fuzz target is: bytes into one parser, which may refuse them in its own way and no other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "base/error.hpp"

namespace atl::fuzz {

using Bytes = std::span<std::byte const>;

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

// Takes a number off the front of the input: the size of a file that is not there. 0 where there are too few.
inline std::uint64_t take_number(Bytes& input) {
  std::uint64_t number = 0;
  if (input.size() < sizeof number) return 0;
  std::memcpy(&number, input.data(), sizeof number);
  input = input.subspan(sizeof number);
  return number;
}

// For what must hold of anything that a parser accepts.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace atl::fuzz

// Defined by each target.
void feed(atl::fuzz::Bytes input);

// The engine's name for it. Whatever else leaves `feed` is a finding.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  try {
    feed(std::as_bytes(std::span(data, size)));
  } catch (atl::base::InputError const&) {  // refused
  }
  return 0;
}
