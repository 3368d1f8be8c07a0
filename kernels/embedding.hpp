// Rows of a table looked up by token. Forward writes (=), backward accumulates (+=).
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// x[n,c] = table[tokens[n],c]; table (V,C), every token in [0, V): the caller has checked.
void embedding_forward(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> table,
                       Tensor2<float> x);

// dtable[tokens[n],c] += dx[n,c], in the order of n.
void embedding_backward(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> dx,
                        Tensor2<float> dtable);

}  // namespace atl::kernels
