// The types every kernel speaks: execution space, unmanaged row-major views in its memory, ranges of them.
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace atl::kernels {

// clang-format off
// Shape letters, fixed here for all kernels and for the model:
//   B  sequences in a batch     T  positions in a sequence
//   N  = B * T rows; row n holds position n % T of sequence n / T
//   C  width (channels)         D  width of one head           F  width of the feed-forward
//   H  query heads              G  key/value heads, G divides H
//   V  vocabulary               L  layers
// clang-format on

using Exec = Kokkos::DefaultExecutionSpace;
using ExecMemory = Exec::memory_space;

// Kernels never own memory: they see it through these. Rows are contiguous; a Tensor2 may have a row stride
// larger than its row (a range of columns), everything else is packed. The pointer constructor wraps existing
// memory: `Tensor2<float>(p, rows, cols)`; a view of T converts to a view of T const by itself.
template <class T>
using Tensor1 = Kokkos::View<T*, Kokkos::LayoutRight, ExecMemory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
template <class T>
using Tensor2 = Kokkos::View<T**, Kokkos::LayoutRight, ExecMemory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
template <class T>
using Tensor3 = Kokkos::View<T***, Kokkos::LayoutRight, ExecMemory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
template <class T>
using Tensor4 = Kokkos::View<T****, Kokkos::LayoutRight, ExecMemory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

// An input whose number type follows from that of an output.
template <class T>
using Input2 = std::type_identity_t<Tensor2<T const>>;

// Where a reduction leaves its result: `Scalar<double>(&sum)` on the host.
template <class T>
using Scalar = Kokkos::View<T, Kokkos::LayoutRight, ExecMemory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

// What a kernel does to an output that it can either write or add to.
enum class Update { overwrite, add };

// Elements [begin, begin + count) of a vector.
template <class T>
Tensor1<T> range(Tensor1<T> const& x, std::size_t begin, std::size_t count) {
  return Kokkos::subview(x, std::make_pair(begin, begin + count));
}

// Rows [begin, begin + count) of a matrix.
template <class T>
Tensor2<T> rows(Tensor2<T> const& x, std::size_t begin, std::size_t count) {
  return Kokkos::subview(x, std::make_pair(begin, begin + count), Kokkos::ALL());
}

// Columns [begin, begin + count) of a matrix: same rows, same row stride.
template <class T>
Tensor2<T> columns(Tensor2<T> const& x, std::size_t begin, std::size_t count) {
  return Kokkos::subview(x, Kokkos::ALL(), std::make_pair(begin, begin + count));
}

}  // namespace atl::kernels
