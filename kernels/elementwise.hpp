// y = f(x, y), element by element, over vectors.
#pragma once

#include "kernels/bf16.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

// y = value
void fill(Exec const& exec, float value, Tensor1<float> y);

// y *= factor
void scale(Exec const& exec, float factor, Tensor1<float> y);

// y = x, rounded
void narrow(Exec const& exec, Tensor1<float const> x, Tensor1<Bf16> y);

// y += x
void add(Exec const& exec, Tensor1<float const> x, Tensor1<float> y);

}  // namespace atl::kernels
