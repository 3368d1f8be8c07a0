// The buffers of a pass through the model: one allocation, cut anew to the shape of each batch.
// Real, float or Bf16, is what products read; the residual stream, its gradient and all statistics are
// floats.
#pragma once

#include <vector>

#include "deck/config.hpp"
#include "kernels/attention.hpp"
#include "kernels/buffer.hpp"
#include "model/views.hpp"

namespace atl::model {

// The residual stream at a point where it is read, and what is read.
template <class Real>
struct NormedStream {
  Tensor2<float> x;              // (N, C)
  Tensor2<Real> normed;          // (N, C): shared by all streams, so of the one last normed
  Tensor1<float> mean;           // (N), of a LayerNorm
  Tensor1<float> inv_deviation;  // (N): 1 / its deviation, or 1 / the root of the mean square
};

// What the forward pass of a layer leaves for its backward pass.
template <class Real>
struct LayerActivations {
  NormedStream<Real> attention_in;
  Tensor2<Real> qkv;    // (N, (H + 2 G) D), queries and keys already with their positions
  Tensor3<float> lse;   // (B, H, T)
  Tensor2<Real> mixed;  // (N, H D), what attention returns
  NormedStream<Real> ffn_in;
  Tensor2<Real> gate_up;  // (N, 2 F), or up alone, (N, F); the backward pass leaves its gradient here
};

template <class Real>
class Activations {
 public:
  Activations(Exec const& exec, deck::ModelSection const& model, int max_sequences);

  // Cuts the buffers for `sequences` of `length` tokens, at most what there is room for.
  void shape_for(int sequences, int length);

  std::size_t bytes() const;
  // What bytes() would be, without allocating anything.
  static std::size_t bytes_for(deck::ModelSection const& model, int max_sequences);

  bool has_rope() const { return cosine.extent(1) > 0; }  // else positions are learned

  kernels::AttentionShape attention;
  float norm_eps;
  bool recompute;  // layers share all their buffers but attention_in.x, so those of the last one are left
  std::vector<LayerActivations<Real>> layers;
  NormedStream<Real> head_in;

  Tensor1<std::int32_t> tokens, targets;  // (N)
  Tensor1<float> losses;                  // (N)
  Tensor2<float> logits;                  // (chunk, V): of a few rows at a time
  Tensor2<Real> dlogits;                  // the same; of floats in the place of the logits
  Tensor2<float> branch;                  // (N, C): output of a branch, then the gradient of its input
  Tensor2<float> dx;                      // (N, C): gradient of the residual stream
  Tensor2<Real> dx_read;                  // the same as products read it; of floats dx itself
  Tensor2<Real> dmixed;                   // (N, H D); of floats in the place of branch
  Tensor2<Real> dqkv;                     // (N, (H + 2 G) D)
  Tensor2<Real> gated;                    // (N, F): of the activation function; its gradient; itself again
  Tensor1<float> attention_workspace;
  Tensor2<float> cosine, sine;  // (context, D / 2); or empty

 private:
  class Cutter;
  explicit Activations(deck::ModelSection const& model);
  void cut(Cutter& cutter, int sequences, int length);

  deck::ModelSection model_;
  std::size_t max_rows_ = 0;
  kernels::FloatBuffer floats_;
  kernels::TokenBuffer token_buffer_;
};

}  // namespace atl::model
