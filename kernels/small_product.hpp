// Products of fp32 matrices that lie in the cache, on the host: what attention is made of. Without the
// packing that pays in large ones.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// out[n,k] (+)= sum_m a[n,m] b[m,k]
void small_product_nn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
                      Tensor2<float> out);

// out[m,k] (+)= sum_n a[n,m] b[n,k]
void small_product_tn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
                      Tensor2<float> out);

// out[m,n] = x[n,m]
void transpose(Exec const& exec, Tensor2<float const> x, Tensor2<float> out);

}  // namespace atl::kernels
