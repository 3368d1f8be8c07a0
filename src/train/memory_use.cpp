#include "train/memory_use.hpp"

#include <fstream>
#include <string>

#include "kernels/buffer.hpp"

namespace atl::train {

std::size_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib << 10U;
  }
  return 0;
}

void BufferMeter::allocated(std::string_view space, std::uint64_t bytes) {
  if (space != kernels::ExecMemory::name()) return;
  auto const now = now_ += static_cast<std::int64_t>(bytes);
  for (auto peak = peak_.load(); peak < now && !peak_.compare_exchange_weak(peak, now);) {
  }
}

void BufferMeter::freed(std::string_view space, std::uint64_t bytes) {
  if (space == kernels::ExecMemory::name()) now_ -= static_cast<std::int64_t>(bytes);
}

}  // namespace atl::train
