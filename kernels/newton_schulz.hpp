// The nearest matrix with orthogonal rows or columns, roughly: what Muon makes of a momentum.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// Elements of scratch memory that newton_schulz needs.
std::size_t newton_schulz_scratch(std::size_t rows, std::size_t cols);

// Pulls all singular values of x towards 1 and keeps its singular vectors: x / max(|x|, 1e-7), then five
// times x <- (a I + b A + c A^2) x with A = x x^T and (a, b, c) = (3.4445, -4.7750, 2.0315) (Jordan et al.
// 2024). The values end between 0.68 and 1.21, except those below |x| / 500 at first. Where rows >
// cols, A = x^T x stands on the right, so that its side is the shorter one. Products accumulate in float.
// Destroys x; the result is in `out`. Both are packed. `squared_norm` is what sum_of_squares makes of x.
void newton_schulz(Exec const& exec, Scalar<double const> squared_norm, Tensor2<float> x,
                   Tensor1<float> scratch, Tensor2<float> out);

}  // namespace atl::kernels
