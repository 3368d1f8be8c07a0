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
    Exec const exec;
    Kokkos::deep_copy(exec, HostTensor1<float>(values.data(), values.size()), x);
    exec.fence();
    return values;
  }
}

void write_from_host(std::span<float const> values, Tensor1<float> const& x) {
  if constexpr (is_host_memory) {
    std::ranges::copy(values, x.data());
  } else {
    Exec const exec;
    Kokkos::deep_copy(exec, x, HostTensor1<float const>(values.data(), values.size()));
    exec.fence();
  }
}

FloatBuffer copy_of(std::string const& label, std::span<float const> values) {
  auto const buffer = make_float_buffer(label, values.size());
  write_from_host(values, buffer);
  return buffer;
}

}  // namespace atl::kernels
