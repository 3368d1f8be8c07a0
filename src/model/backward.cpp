#include "model/backward.hpp"

#include "kernels/attention.hpp"
#include "kernels/bias.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gelu.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "model/forward.hpp"
#include "model/linear.hpp"
#include "model/norm.hpp"

namespace atl::model {

namespace {

// From the gradient of what a branch read, in act.branch, to that of the stream.
template <class Real>
void stream_backward(Exec const& exec, NormedStream<Real> const& stream, Norm<float const> const& weights,
                     Update update, Activations<Real> const& act, Norm<float> const& gradients) {
  norm_backward(exec, act.branch, stream, weights, update, act.dx, gradients);
  if constexpr (std::is_same_v<Real, Bf16>) {
    kernels::narrow(exec, as_vector(act.dx), as_vector(act.dx_read));
  }
}

template <class Real>
void ffn_backward(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                  LayerActivations<Real> const& layer, LayerWeights<float> const& gradients,
                  Update matrices) {
  std::size_t const gate_width = weights.gate.weight.extent(0), ffn_width = weights.up.weight.extent(0);
  Tensor2<Real> const gated = act.gated;
  kernels::matmul_nn(exec, act.dx_read, weights.down.weight, Update::overwrite, gated);
  if (gate_width == 0) {
    kernels::gelu_backward<Real>(exec, gated, layer.gate_up, layer.gate_up, gated);
  } else {
    kernels::swiglu_backward<Real>(exec, gated, layer.gate_up, layer.gate_up, gated);
  }
  linear_gradients<Real>(exec, act.dx_read, gated, {gradients.down, matrices});
  norm_forward(exec, weights.ffn_norm, act.norm_eps, layer.ffn_in);
  Input2<Real> const in = layer.ffn_in.normed;
  auto const dgate = columns(layer.gate_up, 0, gate_width),
             dup = columns(layer.gate_up, gate_width, ffn_width);
  linear_backward<Real>(exec, dup, in, weights.up, Update::overwrite, act.branch, {gradients.up, matrices});
  if (gate_width > 0)
    linear_backward<Real>(exec, dgate, in, weights.gate, Update::add, act.branch, {gradients.gate, matrices});
  stream_backward(exec, layer.ffn_in, weights.ffn_norm, Update::add, act, gradients.ffn_norm);
}

template <class Real>
void attention_backward(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                        LayerActivations<Real> const& layer, LayerWeights<float> const& gradients,
                        Update matrices) {
  std::size_t const query_width = weights.query.weight.extent(0), kv_width = weights.key.weight.extent(0);
  linear_backward<Real>(exec, act.dx_read, layer.mixed, weights.output, Update::overwrite, act.dmixed,
                        {gradients.output, matrices});
  kernels::attention_backward<Real>(exec, act.dmixed, layer.qkv, layer.mixed, layer.lse, act.attention,
                                    act.attention_workspace, act.dqkv);
  if (act.has_rope()) {
    kernels::rope_backward(exec, act.cosine, act.sine, act.attention.context,
                           columns(act.dqkv, 0, query_width + kv_width));
  }
  auto const dquery = columns(act.dqkv, 0, query_width), dkey = columns(act.dqkv, query_width, kv_width),
             dvalue = columns(act.dqkv, query_width + kv_width, kv_width);
  norm_forward(exec, weights.attention_norm, act.norm_eps, layer.attention_in);
  Input2<Real> const in = layer.attention_in.normed;
  linear_backward<Real>(exec, dquery, in, weights.query, Update::overwrite, act.branch,
                        {gradients.query, matrices});
  linear_backward<Real>(exec, dkey, in, weights.key, Update::add, act.branch, {gradients.key, matrices});
  linear_backward<Real>(exec, dvalue, in, weights.value, Update::add, act.branch,
                        {gradients.value, matrices});
  stream_backward(exec, layer.attention_in, weights.attention_norm, Update::add, act,
                  gradients.attention_norm);
}

void announce(GradientsReady const& on_ready, std::span<tensor::Range const> ranges) {
  if (!on_ready) return;
  for (tensor::Range const& range : ranges) on_ready(range);
}

}  // namespace

template <class Real>
void backward(Exec const& exec, WeightMap const& map, Parameters<Real> const& params, Activations<Real>& act,
              Tensor1<float> gradients, Update matrices, GradientsReady const& on_ready) {
  stream_backward(exec, act.head_in, map.final_norm(params.values), Update::overwrite, act,
                  map.final_norm(gradients));
  announce(on_ready, map.of_head());
  for (std::size_t l = act.layers.size(); l-- > 0;) {
    LayerActivations<Real> const& layer = act.layers[l];
    LayerParameters<Real> const weights = map.layer(params, l);
    LayerWeights<float> const dweights = map.layer(gradients, l);
    bool const is_overwritten = act.recompute && l + 1 < act.layers.size();
    if (is_overwritten) recompute_layer(exec, weights, act, layer);
    ffn_backward(exec, weights, act, layer, dweights, matrices);
    announce(on_ready, map.of_ffn(l));
    attention_backward(exec, weights, act, layer, dweights, matrices);
    announce(on_ready, map.of_attention(l));
  }
  if (!act.has_rope()) {
    kernels::bias_backward(exec, act.dx, rows(map.positions(gradients), 0, act.attention.context));
  }
  kernels::embedding_backward(exec, act.tokens, act.dx, map.embedding(gradients));
  announce(on_ready, map.of_embedding());
}

template void backward(Exec const&, WeightMap const&, Parameters<float> const&, Activations<float>&,
                       Tensor1<float>, Update, GradientsReady const&);
template void backward(Exec const&, WeightMap const&, Parameters<Bf16> const&, Activations<Bf16>&,
                       Tensor1<float>, Update, GradientsReady const&);

}  // namespace atl::model
