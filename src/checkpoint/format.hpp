// The version of everything a checkpoint holds. FORMAT.md says what each version is.
#pragma once

#include <cstdint>

namespace atl::checkpoint {

inline constexpr std::uint64_t format_version = 3;

}  // namespace atl::checkpoint
