// The gated activation of Llama's feed-forward (Shazeer, arXiv 2002.05202). Every output is overwritten (=).
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// gate_up (N, 2F): gate, then up.  h[n,f] = silu(gate[n,f]) * up[n,f],  silu(x) = x / (1 + exp(-x)); h (N, F)
void swiglu_forward(Exec const& exec, Tensor2<float const> gate_up, Tensor2<float> h);

// dgate_up (N, 2F) from dh (N, F); dgate_up may be gate_up.
void swiglu_backward(Exec const& exec, Tensor2<float const> dh, Tensor2<float const> gate_up,
                     Tensor2<float> dgate_up);

}  // namespace atl::kernels
