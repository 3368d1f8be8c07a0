#include "kernels/reference/swiglu.hpp"

#include <cmath>

namespace atl::kernels::reference {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

Values swiglu_forward(Input gate_up, std::size_t width) {
  Values h(gate_up.size() / 2);
  for (std::size_t i = 0; i < h.size(); ++i) {
    std::size_t const gate = i / width * 2 * width + i % width;
    h[i] = gate_up[gate] * sigmoid(gate_up[gate]) * gate_up[gate + width];
  }
  return h;
}

Values swiglu_backward(Input dh, Input gate_up, std::size_t width) {
  Values dgate_up(gate_up.size());
  for (std::size_t i = 0; i < dh.size(); ++i) {
    std::size_t const gate = i / width * 2 * width + i % width;
    double const x = gate_up[gate];
    double const s = sigmoid(x);
    dgate_up[gate] = dh[i] * gate_up[gate + width] * (s + x * s * (1.0 - s));
    dgate_up[gate + width] = dh[i] * x * s;
  }
  return dgate_up;
}

}  // namespace atl::kernels::reference
