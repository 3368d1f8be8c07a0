// A site's side of the outer exchange, where its parameters lie: what leaves is coded before it travels, what
// comes is taken as it is. Vectors are those of one fragment.
#pragma once

#include <cstddef>

#include "kernels/views.hpp"
#include "outer/codec.hpp"

namespace atl::kernels {

using Bytes = Tensor1<std::byte>;

// The outer gradient as outer::Residual codes it (PROTOCOL.md §5): coded = enc(base - theta + left), and what
// that leaves out, under_way = base - theta + left - dec(coded), with 0 where it is not finite. fp32 leaves
// nothing out: then the last two are empty.
struct OuterGradient {
  Tensor1<float const> base, theta, left;
  Tensor1<float> under_way;
};
void code(Exec const& exec, outer::Codec codec, OuterGradient const& gradient, Bytes const& coded);

// A release of whole numbers: fp32 or bf16.
struct Released {
  outer::Codec codec = outer::Codec::fp32;
  Tensor1<std::byte const> bytes;
};

// base = theta = release
void overwrite(Exec const& exec, Released const& release, Tensor1<float> theta, Tensor1<float> base);

// base = release, theta = alpha theta + (1 - alpha) release
void blend(Exec const& exec, Released const& release, double alpha, Tensor1<float> theta,
           Tensor1<float> base);

// base = release, theta = release + (theta - reference), and the same of a second one unless it is empty.
// `reference` may be the base.
void rebase(Exec const& exec, Released const& release, Tensor1<float const> reference, Tensor1<float> theta,
            Tensor1<float> second, Tensor1<float> base);

}  // namespace atl::kernels
