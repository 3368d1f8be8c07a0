// Consecutive pieces of a caller's memory, each from a cache line on; without memory they are only counted.
#pragma once

#include <cstddef>

namespace atl::kernels {

class Pieces {
 public:
  explicit Pieces(float* memory) : memory_(memory) {}

  float* take(std::size_t floats) {
    constexpr std::size_t cache_line = 64 / sizeof(float);
    float* const piece = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (floats + cache_line - 1) / cache_line * cache_line;
    return piece;
  }
  std::size_t used() const { return used_; }

 private:
  float* memory_;
  std::size_t used_ = 0;
};

}  // namespace atl::kernels
