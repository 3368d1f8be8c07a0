// Reductions of a vector to one number, in an order that depends on its size alone (and on a
// device on which one it is). Fence before reading it.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// result = sum_i x[i], accumulated in double.
void sum(Exec const& exec, Tensor1<float const> x, Scalar<double> result);

// result = sum_i x[i]^2, accumulated in double.
void sum_of_squares(Exec const& exec, Tensor1<float const> x, Scalar<double> result);

// result = how many x[i] are infinite or not a number.
void count_non_finite(Exec const& exec, Tensor1<float const> x, Scalar<std::int64_t> result);

}  // namespace atl::kernels
