#include "kernels/buffer.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace atl::kernels {
namespace {

// Large buffers are swept from end to end every step: 4 KiB pages cost 5-10 % of it in address translation.
// The hint must come before the first touch, and may fail without harm.
template <class Buffer>
void ask_for_huge_pages([[maybe_unused]] Buffer const& buffer) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  using Memory = typename Buffer::memory_space;
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, Memory>::accessible) {
    constexpr std::uintptr_t huge_page = std::uintptr_t{1} << 21U;
    auto const begin = reinterpret_cast<std::uintptr_t>(buffer.data());
    auto const first = (begin + huge_page - 1) / huge_page * huge_page;
    auto const last = (begin + buffer.size() * sizeof(typename Buffer::value_type)) / huge_page * huge_page;
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
  }
#endif
}

template <class Buffer>
Buffer make_buffer(std::string const& label, std::size_t size) {
  Buffer const buffer(Kokkos::view_alloc(label, Kokkos::WithoutInitializing), size);
  ask_for_huge_pages(buffer);
  Kokkos::deep_copy(buffer, typename Buffer::value_type(0.0F));
  return buffer;
}

}  // namespace

FloatBuffer make_float_buffer(std::string const& label, std::size_t size) {
  return make_buffer<FloatBuffer>(label, size);
}

Bf16Buffer make_bf16_buffer(std::string const& label, std::size_t size) {
  return make_buffer<Bf16Buffer>(label, size);
}

}  // namespace atl::kernels
