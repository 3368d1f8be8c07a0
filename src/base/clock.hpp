// Time, in seconds, as the rest of the program reads it.
#pragma once

#include <chrono>

namespace atl::base {

// Seconds of a clock that never goes back. Only differences mean something.
inline double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Since 1970, for what is compared across processes and runs.
inline double unix_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace atl::base
