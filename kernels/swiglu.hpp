// The gated activation of Llama's feed-forward (Shazeer, arXiv 2002.05202). Every output is overwritten (=).
// Real: float or Bf16; computed in float.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// gate_up (N, 2F): gate, then up.  h[n,f] = silu(gate[n,f]) * up[n,f],  silu(x) = x / (1 + exp(-x)); h (N, F)
template <class Real>
void swiglu_forward(Exec const& exec, Input2<Real> gate_up, Tensor2<Real> h);

// dgate_up (N, 2F) from dh (N, F), and h once more, so that nobody need keep it. dgate_up may be gate_up, h
// may be dh.
template <class Real>
void swiglu_backward(Exec const& exec, Input2<Real> dh, Input2<Real> gate_up, Tensor2<Real> dgate_up,
                     Tensor2<Real> h);

}  // namespace atl::kernels
