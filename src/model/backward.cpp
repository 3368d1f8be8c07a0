#include "model/backward.hpp"

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

// Backward of y = x W^T: dx (=, +=) dy W; dW += dy^T x.
void linear_backward(Exec const& exec, Tensor2<float const> const& dy, Tensor2<float const> const& x,
                     Tensor2<float const> const& weight, Update update, Tensor2<float> const& dx,
                     Tensor2<float> const& dweight) {
  kernels::matmul_tn(exec, dy, x, Update::add, dweight);
  kernels::matmul_nn(exec, dy, weight, update, dx);
}

// From act.branch, d loss / d in.normed, to act.dx, d loss / d in.x.
void norm_backward(Exec const& exec, NormedStream const& in, Tensor1<float const> const& weight,
                   Activations const& act, Update update, Tensor1<float> const& dweight) {
  kernels::rmsnorm_backward(exec, act.branch, in.x, weight, in.inv_rms, update, act.dx, dweight);
}

void ffn_backward(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                  LayerActivations const& layer, LayerWeights<float> const& gradients) {
  std::size_t const ffn_width = weights.gate.extent(0);
  linear_backward(exec, act.dx, layer.gated, weights.down, Update::overwrite, act.dgated, gradients.down);
  kernels::swiglu_backward(exec, act.dgated, layer.gate_up, layer.gate_up);
  auto const dgate = columns(layer.gate_up, 0, ffn_width), dup = columns(layer.gate_up, ffn_width, ffn_width);
  linear_backward(exec, dgate, layer.ffn_in.normed, weights.gate, Update::overwrite, act.branch,
                  gradients.gate);
  linear_backward(exec, dup, layer.ffn_in.normed, weights.up, Update::add, act.branch, gradients.up);
  norm_backward(exec, layer.ffn_in, weights.ffn_norm, act, Update::add, gradients.ffn_norm);
}

void attention_backward(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                        LayerActivations const& layer, LayerWeights<float> const& gradients) {
  std::size_t const query_width = weights.query.extent(0), kv_width = weights.key.extent(0);
  linear_backward(exec, act.dx, layer.mixed, weights.output, Update::overwrite, act.branch, gradients.output);
  kernels::attention_backward(exec, act.branch, layer.qkv, layer.mixed, layer.lse, act.attention,
                              act.attention_workspace, act.dqkv);
  kernels::rope_backward(exec, act.cosine, act.sine, act.attention.context,
                         columns(act.dqkv, 0, query_width + kv_width));
  auto const dquery = columns(act.dqkv, 0, query_width), dkey = columns(act.dqkv, query_width, kv_width),
             dvalue = columns(act.dqkv, query_width + kv_width, kv_width);
  Tensor2<float const> const in = layer.attention_in.normed;
  linear_backward(exec, dquery, in, weights.query, Update::overwrite, act.branch, gradients.query);
  linear_backward(exec, dkey, in, weights.key, Update::add, act.branch, gradients.key);
  linear_backward(exec, dvalue, in, weights.value, Update::add, act.branch, gradients.value);
  norm_backward(exec, layer.attention_in, weights.attention_norm, act, Update::add, gradients.attention_norm);
}

void announce(GradientsReady const& on_ready, std::span<tensor::Range const> ranges) {
  if (!on_ready) return;
  for (tensor::Range const& range : ranges) on_ready(range);
}

}  // namespace

void backward(Exec const& exec, WeightMap const& map, Tensor1<float const> params, Activations& act,
              Tensor1<float> gradients, GradientsReady const& on_ready) {
  norm_backward(exec, act.head_in, map.final_norm(params), act, Update::overwrite, map.final_norm(gradients));
  announce(on_ready, map.ready_with_head());
  for (std::size_t l = act.layers.size(); l-- > 0;) {
    LayerWeights<float const> const weights = map.layer(params, l);
    LayerWeights<float> const dweights = map.layer(gradients, l);
    ffn_backward(exec, weights, act, act.layers[l], dweights);
    attention_backward(exec, weights, act, act.layers[l], dweights);
    announce(on_ready, map.ready_with_layer(l));
  }
  kernels::embedding_backward(exec, act.tokens, act.dx, map.embedding(gradients));
  announce(on_ready, map.ready_with_embedding());
}

}  // namespace atl::model
