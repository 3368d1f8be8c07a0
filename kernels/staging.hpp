// Bytes on their way between a device and its host, on a stream of their own beside the one that computes.
// Order is by events: nobody waits who does not say so. Where both share memory nothing travels, and
// everything is there at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <thread>

#include "kernels/buffer.hpp"

namespace atl::kernels {

// A point in what a device was told to do.
class Milestone {
 public:
  Milestone();
  ~Milestone();
  Milestone(Milestone const&) = delete;
  Milestone& operator=(Milestone const&) = delete;

  void set(Exec const& exec);  // when all that exec was told so far is done
  bool is_passed() const;      // one that was never set is
  void wait() const;

 private:
  friend class Staging;
  struct Event;
  std::unique_ptr<Event> event_;  // none where memory is shared
};

// Room for some bytes on the device, and its twin on the host. It grows to the largest; what it held must
// have arrived, and been read, before it is used again.
class Staging {
 public:
  // To the host: kernels write to what room() gives, then it leaves. bytes() once it is there.
  Tensor1<std::byte> room(std::size_t size);
  void leave(Exec const& exec);
  std::span<std::byte const> bytes() const;

  // To the device: copied from `bytes` before it returns. What exec is told after arrived(exec) finds them
  // there, and they stay until what it is told before read(exec) is done. Where memory is shared they are
  // read where they lie.
  void come(std::span<std::byte const> bytes);
  Tensor1<std::byte const> arrived(Exec const& exec) const;
  void read(Exec const& exec);

  bool is_there() const { return there_.is_passed(); }
  void wait() const { there_.wait(); }
  double copy_s() const;  // what the copy took, once it is there

 private:
  void make_room(std::size_t size);

  Kokkos::View<std::byte*, Kokkos::LayoutRight, ExecMemory> memory_;
  Kokkos::View<std::byte*, Kokkos::LayoutRight, HostStagingSpace> twin_;
  std::byte const* lies_at_ = nullptr;  // what came, where memory is shared
  std::size_t size_ = 0;
  Milestone begun_, there_, read_;  // last: they wait for what goes on in the rooms
};

// work(), again and again, until exec is done with what it was told; where memory is shared never.
template <class Work>
void meanwhile(Exec const& exec, Work const& work) {
  constexpr auto look_every = std::chrono::microseconds(100);
  Milestone done;
  done.set(exec);
  for (; !done.is_passed(); std::this_thread::sleep_for(look_every)) work();
}

}  // namespace atl::kernels
