// Attention where the execution space is CUDA: the kernels of kernels/cuda on the stream of the execution
// space.
#include <type_traits>

#include "kernels/attention.hpp"
#include "kernels/bf16.hpp"
#include "kernels/cuda/attention.hpp"
#include "kernels/operations.hpp"
#include "kernels/region.hpp"

namespace atl::kernels {
namespace {

float const* plain(float const* x) { return x; }
float* plain(float* x) { return x; }
cuda::Bf16Bits const* plain(Bf16 const* x) { return &x->bits; }
cuda::Bf16Bits* plain(Bf16* x) { return &x->bits; }

template <class Real>
using Plain = std::conditional_t<std::is_same_v<Real, Bf16>, cuda::Bf16Bits, float>;

// Multiplications and additions of one product of all queries with the keys they see.
std::uint64_t operations_of_a_product(AttentionShape const& shape) {
  return shape.batch * shape.heads * shape.head_dim * shape.context * (shape.context + 1);
}

}  // namespace

template <class Real>
std::size_t attention_workspace_size(AttentionShape const& shape) {
  return cuda::attention_workspace_size(shape);
}

template <class Real>
void attention_forward(Exec const& exec, Input2<Real> qkv, AttentionShape const& shape, Tensor1<float>,
                       Tensor2<Real> out, Tensor3<float> lse) {
  Region const region("attention_forward");
  cuda::attention_forward<Plain<Real>>(
      exec.cuda_stream(), shape, {.qkv = plain(qkv.data()), .out = plain(out.data()), .lse = lse.data()});
  product_operations += 2 * operations_of_a_product(shape);
  moves(qkv, out, lse);
}

template <class Real>
void attention_backward(Exec const& exec, Input2<Real> dout, Input2<Real> qkv, Input2<Real> out,
                        Tensor3<float const> lse, AttentionShape const& shape, Tensor1<float> workspace,
                        Tensor2<Real> dqkv) {
  Region const region("attention_backward");
  cuda::attention_backward<Plain<Real>>(exec.cuda_stream(), shape,
                                        {.dout = plain(dout.data()),
                                         .qkv = plain(qkv.data()),
                                         .out = plain(out.data()),
                                         .lse = lse.data(),
                                         .workspace = workspace.data(),
                                         .dqkv = plain(dqkv.data())});
  product_operations += 5 * operations_of_a_product(shape);
  moves(dout, qkv, out, lse, dqkv);
}

template std::size_t attention_workspace_size<float>(AttentionShape const&);
template std::size_t attention_workspace_size<Bf16>(AttentionShape const&);
template void attention_forward(Exec const&, Input2<float>, AttentionShape const&, Tensor1<float>,
                                Tensor2<float>, Tensor3<float>);
template void attention_forward(Exec const&, Input2<Bf16>, AttentionShape const&, Tensor1<float>,
                                Tensor2<Bf16>, Tensor3<float>);
template void attention_backward(Exec const&, Input2<float>, Input2<float>, Input2<float>,
                                 Tensor3<float const>, AttentionShape const&, Tensor1<float>, Tensor2<float>);
template void attention_backward(Exec const&, Input2<Bf16>, Input2<Bf16>, Input2<Bf16>, Tensor3<float const>,
                                 AttentionShape const&, Tensor1<float>, Tensor2<Bf16>);

}  // namespace atl::kernels
