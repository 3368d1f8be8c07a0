// What the host does with values that kernels compute with. Where both share memory it has the values
// themselves; of a device's memory it gets a copy in a room of its own, and what it changes is copied back.
// On a device all of this waits until kernels before it are done; on the host they are.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "kernels/buffer.hpp"

namespace atl::kernels {

// Room for copies, which grows to the largest; never any where memory is shared.
class HostRoom {
 public:
  std::span<float> take(std::size_t size);

 private:
  Kokkos::View<float*, Kokkos::LayoutRight, HostStagingSpace> memory_;
};

// The values of x, until `room` is used again or x changes.
std::span<float const> read_on_host(Tensor1<float const> const& x, HostRoom& room);

// x = values
void write_from_host(std::span<float const> values, Tensor1<float> const& x);
FloatBuffer copy_of(std::string const& label, std::span<float const> values);

// change(std::span<float>) of the values of x.
template <class Change>
void change_on_host(Tensor1<float> const& x, HostRoom& room, Change const& change) {
  if constexpr (is_host_memory) {
    change(std::span<float>(x.data(), x.size()));
  } else {
    read_on_host(x, room);
    auto const values = room.take(x.size());
    change(values);
    write_from_host(values, x);
  }
}

}  // namespace atl::kernels
