#include "model/head.hpp"

#include <algorithm>

#include "kernels/cross_entropy.hpp"
#include "kernels/matmul.hpp"

namespace atl::model {

namespace {

using HostMatrix =
    Kokkos::View<float**, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

// Calls work(first, logits) for consecutive chunks of `count` rows; `logits` has the rows of the chunk.
template <class Real, class Work>
void for_each_chunk(std::size_t count, Activations<Real> const& act, Work const& work) {
  std::size_t const most = act.logits.extent(0);
  for (std::size_t first = 0; first < count; first += most) {
    work(first, rows(act.logits, 0, std::min(most, count - first)));
  }
}

}  // namespace

template <class Real>
void head_losses(Exec const& exec, Input2<Real> const& head, Activations<Real> const& act) {
  for_each_chunk(act.losses.extent(0), act, [&](std::size_t first, Tensor2<float> const& logits) {
    std::size_t const count = logits.extent(0);
    kernels::matmul_nt(exec, rows(act.head_in.normed, first, count), head, Update::overwrite, logits);
    kernels::cross_entropy_forward(exec, logits, range(act.targets, first, count),
                                   range(act.losses, first, count));
  });
}

template <class Real>
void head_losses_backward(Exec const& exec, Input2<Real> const& head, float scale,
                          Activations<Real> const& act, Update update, Tensor2<float> dhead) {
  for_each_chunk(act.losses.extent(0), act, [&](std::size_t first, Tensor2<float> const& logits) {
    std::size_t const count = logits.extent(0);
    auto const in = rows(act.head_in.normed, first, count);
    kernels::matmul_nt(exec, in, head, Update::overwrite, logits);
    auto const dlogits = rows(act.dlogits, 0, count);
    kernels::cross_entropy_forward_backward(exec, range(act.targets, first, count), scale, logits, dlogits,
                                            range(act.losses, first, count));
    kernels::matmul_tn(exec, dlogits, in, first == 0 ? update : Update::add, dhead);
    kernels::matmul_nn(exec, dlogits, head, Update::overwrite, rows(act.branch, first, count));
  });
}

template <class Real>
void last_logits(Exec const& exec, Input2<Real> const& head, Activations<Real> const& act,
                 std::span<float> out) {
  std::size_t const sequences = act.attention.batch, length = act.attention.context;
  std::size_t const width = head.extent(1), vocab = head.extent(0);
  // One row a sequence; its last `width` columns are the last position.
  Input2<Real> const by_sequence(act.head_in.normed.data(), sequences, length * width);
  auto const in = columns(by_sequence, (length - 1) * width, width);
  for_each_chunk(sequences, act, [&](std::size_t first, Tensor2<float> const& logits) {
    std::size_t const count = logits.extent(0);
    kernels::matmul_nt(exec, rows(in, first, count), head, Update::overwrite, logits);
    Kokkos::deep_copy(exec, HostMatrix(out.data() + first * vocab, count, vocab), logits);
    exec.fence();
  });
}

template void head_losses(Exec const&, Input2<float> const&, Activations<float> const&);
template void head_losses_backward(Exec const&, Input2<float> const&, float, Activations<float> const&,
                                   Update, Tensor2<float>);
template void last_logits(Exec const&, Input2<float> const&, Activations<float> const&, std::span<float>);
template void head_losses(Exec const&, Input2<Bf16> const&, Activations<Bf16> const&);
template void head_losses_backward(Exec const&, Input2<Bf16> const&, float, Activations<Bf16> const&, Update,
                                   Tensor2<float>);
template void last_logits(Exec const&, Input2<Bf16> const&, Activations<Bf16> const&, std::span<float>);

}  // namespace atl::model
