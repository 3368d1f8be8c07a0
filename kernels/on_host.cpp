#include "kernels/on_host.hpp"

#include <algorithm>

namespace atl::kernels {
namespace {

template <class T>
using HostTensor1 =
    Kokkos::View<T*, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

}  // namespace

std::span<float> HostRoom::take(std::size_t size) {
  if (memory_.size() < size) {
    memory_ = {};  // before there is more: not both at once
    memory_ = decltype(memory_)(Kokkos::view_alloc("room on the host", Kokkos::WithoutInitializing), size);
  }
  return {memory_.data(), size};
}

std::span<float const> read_on_host(Tensor1<float const> const& x, HostRoom& room) {
  if constexpr (is_host_memory) {
    Exec().fence();
    return {x.data(), x.size()};
  } else {
    auto const values = room.take(x.size());
    Kokkos::deep_copy(HostTensor1<float>(values.data(), values.size()), x);
    return values;
  }
}

void write_from_host(std::span<float const> values, Tensor1<float> const& x) {
  if constexpr (is_host_memory) {
    std::ranges::copy(values, x.data());
  } else {
    Kokkos::deep_copy(x, HostTensor1<float const>(values.data(), values.size()));
  }
}

FloatBuffer copy_of(std::string const& label, std::span<float const> values) {
  auto const buffer = make_float_buffer(label, values.size());
  write_from_host(values, buffer);
  return buffer;
}

}  // namespace atl::kernels
