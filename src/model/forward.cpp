#include "model/forward.hpp"

#include "kernels/attention.hpp"
#include "kernels/bias.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gelu.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "model/linear.hpp"
#include "model/norm.hpp"

namespace atl::model {

namespace {

void attention_branch(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                      LayerActivations const& layer) {
  std::size_t const query_width = weights.query.weight.extent(0), kv_width = weights.key.weight.extent(0);
  Tensor2<float const> const in = layer.attention_in.normed;
  linear_forward(exec, in, weights.query, columns(layer.qkv, 0, query_width));
  linear_forward(exec, in, weights.key, columns(layer.qkv, query_width, kv_width));
  linear_forward(exec, in, weights.value, columns(layer.qkv, query_width + kv_width, kv_width));
  if (act.has_rope()) {
    kernels::rope_forward(exec, act.cosine, act.sine, act.attention.context,
                          columns(layer.qkv, 0, query_width + kv_width));
  }
  kernels::attention_forward(exec, layer.qkv, act.attention, act.attention_workspace, layer.mixed, layer.lse);
  linear_forward(exec, layer.mixed, weights.output, act.branch);
}

// Of the feed-forward branch, all that the backward pass reads: its last product is left to the caller.
void ffn_activation(Exec const& exec, LayerWeights<float const> const& weights,
                    LayerActivations const& layer) {
  Tensor2<float const> const in = layer.ffn_in.normed;
  std::size_t const gate_width = weights.gate.weight.extent(0), ffn_width = weights.up.weight.extent(0);
  linear_forward(exec, in, weights.up, columns(layer.gate_up, gate_width, ffn_width));
  if (gate_width == 0) {
    kernels::gelu_forward(exec, layer.gate_up, layer.gated);
  } else {
    linear_forward(exec, in, weights.gate, columns(layer.gate_up, 0, gate_width));
    kernels::swiglu_forward(exec, layer.gate_up, layer.gated);
  }
}

// From layer.attention_in to layer.gated.
void layer_activations(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                       LayerActivations const& layer) {
  attention_branch(exec, weights, act, layer);
  residual_norm_forward(exec, layer.attention_in.x, act.branch, weights.ffn_norm, act.norm_eps, layer.ffn_in);
  ffn_activation(exec, weights, layer);
}

}  // namespace

void forward(Exec const& exec, WeightMap const& map, Tensor1<float const> params, Activations& act) {
  NormedStream const& start = act.layers.front().attention_in;
  kernels::embedding_forward(exec, act.tokens, map.embedding(params), start.x);
  if (!act.has_rope()) {
    kernels::bias_forward(exec, rows(map.positions(params), 0, act.attention.context), start.x);
  }
  norm_forward(exec, map.layer(params, 0).attention_norm, act.norm_eps, start);

  for (std::size_t l = 0; l < act.layers.size(); ++l) {
    LayerActivations const& layer = act.layers[l];
    LayerWeights<float const> const weights = map.layer(params, l);
    layer_activations(exec, weights, act, layer);
    linear_forward(exec, layer.gated, weights.down, act.branch);
    bool const is_last = l + 1 == act.layers.size();
    residual_norm_forward(exec, layer.ffn_in.x, act.branch,
                          is_last ? map.final_norm(params) : map.layer(params, l + 1).attention_norm,
                          act.norm_eps, is_last ? act.head_in : act.layers[l + 1].attention_in);
  }
}

void recompute_layer(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                     LayerActivations const& layer) {
  norm_forward(exec, weights.attention_norm, act.norm_eps, layer.attention_in);
  layer_activations(exec, weights, act, layer);
}

}  // namespace atl::model
