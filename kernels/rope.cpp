#include "kernels/rope.hpp"

#include <cmath>

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

// direction = 1 turns forward, -1 back.
template <class Real>
void rotate(Exec const& exec, char const* label, Tensor2<float const> cosine, Tensor2<float const> sine,
            std::size_t context, float direction, Tensor2<Real> x) {
  std::size_t const half = cosine.extent(1);
  std::size_t const heads = x.extent(1) / (2 * half);
  moves(x, x);
  for_rows(
      exec, label, x.extent(0), heads * half, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const cos_row = &cosine(n % context, 0);
        float const* const sin_row = &sine(n % context, 0);
        Real* const row = &x(n, 0);
        lanes.each(heads, half, [&](std::size_t h, std::size_t i) {
          Real* const low = row + 2 * half * h;
          Real* const high = low + half;
          float const a = low[i], b = high[i], s = direction * sin_row[i];
          low[i] = a * cos_row[i] - b * s;
          high[i] = b * cos_row[i] + a * s;
        });
      });
}

}  // namespace

void rope_tables(Exec const& exec, double base, Tensor2<float> cosine, Tensor2<float> sine) {
  std::size_t const half = cosine.extent(1);
  for_rows(
      exec, "rope_tables", cosine.extent(0) * half, KOKKOS_LAMBDA(std::size_t n) {
        std::size_t const t = n / half, i = n % half;
        double const frequency = std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
        double const angle = static_cast<double>(t) * frequency;
        cosine(t, i) = static_cast<float>(std::cos(angle));
        sine(t, i) = static_cast<float>(std::sin(angle));
      });
}

template <class Real>
void rope_forward(Exec const& exec, Tensor2<float const> cosine, Tensor2<float const> sine,
                  std::size_t context, Tensor2<Real> x) {
  rotate(exec, "rope_forward", cosine, sine, context, 1.0F, x);
}

template <class Real>
void rope_backward(Exec const& exec, Tensor2<float const> cosine, Tensor2<float const> sine,
                   std::size_t context, Tensor2<Real> dx) {
  rotate(exec, "rope_backward", cosine, sine, context, -1.0F, dx);
}

template void rope_forward(Exec const&, Tensor2<float const>, Tensor2<float const>, std::size_t,
                           Tensor2<float>);
template void rope_forward(Exec const&, Tensor2<float const>, Tensor2<float const>, std::size_t,
                           Tensor2<Bf16>);
template void rope_backward(Exec const&, Tensor2<float const>, Tensor2<float const>, std::size_t,
                            Tensor2<float>);
template void rope_backward(Exec const&, Tensor2<float const>, Tensor2<float const>, std::size_t,
                            Tensor2<Bf16>);

}  // namespace atl::kernels
