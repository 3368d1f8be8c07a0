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

template <class Real>
void attention_branch(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                      LayerActivations<Real> const& layer) {
  std::size_t const query_width = weights.query.weight.extent(0), kv_width = weights.key.weight.extent(0);
  Input2<Real> const in = layer.attention_in.normed;
  linear_forward<Real>(exec, in, weights.query, columns(layer.qkv, 0, query_width));
  linear_forward<Real>(exec, in, weights.key, columns(layer.qkv, query_width, kv_width));
  linear_forward<Real>(exec, in, weights.value, columns(layer.qkv, query_width + kv_width, kv_width));
  if (act.has_rope()) {
    kernels::rope_forward(exec, act.cosine, act.sine, act.attention.context,
                          columns(layer.qkv, 0, query_width + kv_width));
  }
  kernels::attention_forward<Real>(exec, layer.qkv, act.attention, act.attention_workspace, layer.mixed,
                                   layer.lse);
  linear_forward<Real>(exec, layer.mixed, weights.output, act.branch);
}

// From layer.attention_in to all else that the backward pass reads of the layer.
template <class Real>
void layer_activations(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                       LayerActivations<Real> const& layer) {
  attention_branch(exec, weights, act, layer);
  residual_norm_forward(exec, layer.attention_in.x, act.branch, weights.ffn_norm, act.norm_eps, layer.ffn_in);
  std::size_t const gate_width = weights.gate.weight.extent(0), ffn_width = weights.up.weight.extent(0);
  Input2<Real> const in = layer.ffn_in.normed;
  if (gate_width > 0) linear_forward<Real>(exec, in, weights.gate, columns(layer.gate_up, 0, gate_width));
  linear_forward<Real>(exec, in, weights.up, columns(layer.gate_up, gate_width, ffn_width));
}

template <class Real>
void ffn_output(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                LayerActivations<Real> const& layer) {
  if (weights.gate.weight.size() > 0) {
    kernels::swiglu_forward(exec, layer.gate_up, act.gated);
  } else {
    kernels::gelu_forward(exec, layer.gate_up, act.gated);
  }
  linear_forward<Real>(exec, act.gated, weights.down, act.branch);
}

}  // namespace

template <class Real>
void forward(Exec const& exec, WeightMap const& map, Parameters<Real> const& params,
             ParametersNeeded const& needed, Activations<Real>& act) {
  auto const ask_for = [&](std::span<tensor::Range const> ranges) {
    if (!needed) return;
    for (tensor::Range const range : ranges) needed(range);
  };
  auto const ask_for_layer = [&](std::size_t l) {
    ask_for(map.of_attention(l));
    ask_for(map.of_ffn(l));
  };
  ask_for(map.of_embedding());
  NormedStream<Real> const& start = act.layers.front().attention_in;
  kernels::embedding_forward(exec, act.tokens, map.embedding(params.values), start.x);
  if (!act.has_rope()) {
    kernels::bias_forward(exec, rows(map.positions(params.values), 0, act.attention.context), start.x);
  }
  ask_for_layer(0);
  norm_forward(exec, map.layer(params, 0).attention_norm, act.norm_eps, start);

  for (std::size_t l = 0; l < act.layers.size(); ++l) {
    LayerActivations<Real> const& layer = act.layers[l];
    LayerParameters<Real> const weights = map.layer(params, l);
    layer_activations(exec, weights, act, layer);
    ffn_output(exec, weights, act, layer);
    bool const is_last = l + 1 == act.layers.size();
    is_last ? ask_for(map.of_head()) : ask_for_layer(l + 1);
    residual_norm_forward(exec, layer.ffn_in.x, act.branch,
                          is_last ? map.final_norm(params.values) : map.layer(params, l + 1).attention_norm,
                          act.norm_eps, is_last ? act.head_in : act.layers[l + 1].attention_in);
  }
}

template <class Real>
void recompute_layer(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                     LayerActivations<Real> const& layer) {
  norm_forward(exec, weights.attention_norm, act.norm_eps, layer.attention_in);
  layer_activations(exec, weights, act, layer);
}

template void forward(Exec const&, WeightMap const&, Parameters<float> const&, ParametersNeeded const&,
                      Activations<float>&);
template void recompute_layer(Exec const&, LayerParameters<float> const&, Activations<float> const&,
                              LayerActivations<float> const&);
template void forward(Exec const&, WeightMap const&, Parameters<Bf16> const&, ParametersNeeded const&,
                      Activations<Bf16>&);
template void recompute_layer(Exec const&, LayerParameters<Bf16> const&, Activations<Bf16> const&,
                              LayerActivations<Bf16> const&);

}  // namespace atl::model
