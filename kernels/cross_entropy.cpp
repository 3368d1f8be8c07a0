#include "kernels/cross_entropy.hpp"

#include <cmath>

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"
#include "kernels/math.hpp"

namespace atl::kernels {
namespace {

KOKKOS_INLINE_FUNCTION float row_maximum(Lanes const& lanes, float const* row, std::size_t size) {
  return lanes.highest(size, [&](std::size_t v) { return row[v]; });
}

}  // namespace

void cross_entropy_forward(Exec const& exec, Tensor2<float const> logits, Tensor1<std::int32_t const> targets,
                           Tensor1<float> loss) {
  std::size_t const vocabulary = logits.extent(1);
  moves(logits);
  for_rows(
      exec, "cross_entropy_forward", logits.extent(0), vocabulary,
      KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        if (targets(n) < 0) {
          lanes.once([&] { loss(n) = 0.0F; });
          return;
        }
        float const* const row = &logits(n, 0);
        float const maximum = row_maximum(lanes, row, vocabulary);
        float const sum = lanes.sum(vocabulary, [&](std::size_t v) { return fast_exp(row[v] - maximum); });
        lanes.once([&] { loss(n) = std::log(sum) + (maximum - row[targets(n)]); });
      });
}

template <class Real>
void cross_entropy_forward_backward(Exec const& exec, Tensor1<std::int32_t const> targets, float scale,
                                    Tensor2<float> logits, Tensor2<Real> dlogits, Tensor1<float> loss) {
  std::size_t const vocabulary = logits.extent(1);
  moves(logits, dlogits);
  for_rows(
      exec, "cross_entropy_forward_backward", logits.extent(0), vocabulary,
      KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float* const row = &logits(n, 0);
        Real* const drow = &dlogits(n, 0);
        if (targets(n) < 0) {
          lanes.once([&] { loss(n) = 0.0F; });
          lanes.each(vocabulary, [&](std::size_t v) { drow[v] = 0.0F; });
          return;
        }
        auto const target = static_cast<std::size_t>(targets(n));
        float const maximum = row_maximum(lanes, row, vocabulary);
        float const distance = maximum - row[target];
        lanes.wait();  // the next loop writes where that was
        float const sum = lanes.sum(vocabulary, [&](std::size_t v) {
          row[v] = fast_exp(row[v] - maximum);
          return row[v];
        });
        lanes.once([&] { loss(n) = std::log(sum) + distance; });
        float const factor = scale / sum;
        lanes.each(vocabulary,
                   [&](std::size_t v) { drow[v] = row[v] * factor - (v == target ? scale : 0.0F); });
      });
}

template void cross_entropy_forward_backward(Exec const&, Tensor1<std::int32_t const>, float, Tensor2<float>,
                                             Tensor2<float>, Tensor1<float>);
template void cross_entropy_forward_backward(Exec const&, Tensor1<std::int32_t const>, float, Tensor2<float>,
                                             Tensor2<Bf16>, Tensor1<float>);

}  // namespace atl::kernels
