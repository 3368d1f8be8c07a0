// Reading what a machine has saved: every number is there, or the file is damaged.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/archive.hpp"
#include "base/error.hpp"

namespace atl::protocol {

[[noreturn]] inline void refuse_state(std::string const& what) {
  throw base::InputError("checkpoint", what, "the file is damaged; resume from another checkpoint");
}

template <std::size_t count>
std::array<std::uint64_t, count> read_numbers(base::Reader const& reader, std::string_view name) {
  auto const values = reader.read_uints(name);
  if (values.size() != count) refuse_state(fmt::format("'{}' should be {} numbers", name, count));
  std::array<std::uint64_t, count> numbers;
  std::ranges::copy(values, numbers.begin());
  return numbers;
}

}  // namespace atl::protocol
