// Who hears what Kokkos tells its tools: labels as they begin and end, and memory as it comes and goes. Any
// number listen at once, beside a tool that Kokkos has loaded.
#pragma once

#include <cstdint>
#include <string_view>

namespace atl::kernels {

struct Listener {
  // Of a region, a parallel_for or a parallel_reduce; on the thread that it is on.
  virtual void begin(char const* /*label*/) {}
  virtual void end() {}
  // Bytes in the memory space of this name; on any thread.
  virtual void allocated(std::string_view /*space*/, std::uint64_t /*bytes*/) {}
  virtual void freed(std::string_view /*space*/, std::uint64_t /*bytes*/) {}

 protected:
  ~Listener() = default;
};

// As long as it lives, `listener` hears. Made and destroyed on one thread, while no other computes.
class Listening {
 public:
  explicit Listening(Listener& listener);
  ~Listening();
  Listening(Listening const&) = delete;
  Listening& operator=(Listening const&) = delete;

 private:
  Listener& listener_;
};

}  // namespace atl::kernels
