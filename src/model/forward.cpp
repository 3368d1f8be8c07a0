#include "model/forward.hpp"

#include "kernels/attention.hpp"
#include "kernels/embedding.hpp"
#include "kernels/matmul.hpp"
#include "kernels/rmsnorm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"

namespace atl::model {

using kernels::columns;
using kernels::Exec;
using kernels::Tensor1;
using kernels::Tensor2;
using kernels::Update;

namespace {

constexpr float norm_eps = 1e-5f;

// Adds `act.branch` to the residual stream `x` and normalizes the sum for its next reader.
void join(Exec const& exec, Activations const& act, Tensor2<float> const& x, Tensor1<float const> const& norm,
          NormedStream const& next) {
  kernels::residual_rmsnorm_forward(exec, x, act.branch, norm, norm_eps, next.x, next.normed, next.inv_rms);
}

void attention_branch(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                      LayerActivations const& layer) {
  std::size_t const query_width = weights.query.extent(0), kv_width = weights.key.extent(0);
  Tensor2<float const> const in = layer.attention_in.normed;
  kernels::matmul_nt(exec, in, weights.query, Update::overwrite, columns(layer.qkv, 0, query_width));
  kernels::matmul_nt(exec, in, weights.key, Update::overwrite, columns(layer.qkv, query_width, kv_width));
  kernels::matmul_nt(exec, in, weights.value, Update::overwrite,
                     columns(layer.qkv, query_width + kv_width, kv_width));
  kernels::rope_forward(exec, act.cosine, act.sine, act.attention.context,
                        columns(layer.qkv, 0, query_width + kv_width));
  kernels::attention_forward(exec, layer.qkv, act.attention, act.attention_workspace, layer.mixed, layer.lse);
  kernels::matmul_nt(exec, layer.mixed, weights.output, Update::overwrite, act.branch);
}

void ffn_branch(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                LayerActivations const& layer) {
  std::size_t const ffn_width = weights.gate.extent(0);
  Tensor2<float const> const in = layer.ffn_in.normed;
  kernels::matmul_nt(exec, in, weights.gate, Update::overwrite, columns(layer.gate_up, 0, ffn_width));
  kernels::matmul_nt(exec, in, weights.up, Update::overwrite, columns(layer.gate_up, ffn_width, ffn_width));
  kernels::swiglu_forward(exec, layer.gate_up, layer.gated);
  kernels::matmul_nt(exec, layer.gated, weights.down, Update::overwrite, act.branch);
}

}  // namespace

void forward(Exec const& exec, WeightMap const& map, Tensor1<float const> params, Activations& act) {
  NormedStream const& start = act.layers.front().attention_in;
  kernels::embedding_forward(exec, act.tokens, map.embedding(params), start.x);
  kernels::rmsnorm_forward(exec, start.x, map.layer(params, 0).attention_norm, norm_eps, start.normed,
                           start.inv_rms);

  for (std::size_t l = 0; l < act.layers.size(); ++l) {
    LayerActivations const& layer = act.layers[l];
    LayerWeights<float const> const weights = map.layer(params, l);
    attention_branch(exec, weights, act, layer);
    join(exec, act, layer.attention_in.x, weights.ffn_norm, layer.ffn_in);
    ffn_branch(exec, weights, act, layer);
    if (l + 1 < act.layers.size()) {
      join(exec, act, layer.ffn_in.x, map.layer(params, l + 1).attention_norm,
           act.layers[l + 1].attention_in);
    } else {
      join(exec, act, layer.ffn_in.x, map.final_norm(params), act.head_in);
    }
  }
}

}  // namespace atl::model
