// The buffers of a pass through the model: one allocation, cut anew to the shape of each batch.
#pragma once

#include <vector>

#include "deck/config.hpp"
#include "kernels/attention.hpp"
#include "kernels/buffer.hpp"

namespace atl::model {

// The residual stream at a point where it is read, and what is read.
struct NormedStream {
  kernels::Tensor2<float> x;        // (N, C)
  kernels::Tensor2<float> normed;   // (N, C) = x * inv_rms * weight
  kernels::Tensor1<float> inv_rms;  // (N)
};

// What the forward pass of a layer leaves for its backward pass.
struct LayerActivations {
  NormedStream attention_in;
  kernels::Tensor2<float> qkv;    // (N, (H + 2 G) D), queries and keys already rotated
  kernels::Tensor3<float> lse;    // (B, H, T)
  kernels::Tensor2<float> mixed;  // (N, H D), what attention returns
  NormedStream ffn_in;
  kernels::Tensor2<float> gate_up;  // (N, 2 F); the backward pass leaves its gradient here
  kernels::Tensor2<float> gated;    // (N, F)
};

class Activations {
 public:
  Activations(kernels::Exec const& exec, deck::ModelSection const& model, int max_sequences);

  // Cuts the buffers for `sequences` of `length` tokens, at most what there is room for.
  void shape_for(int sequences, int length);

  std::size_t bytes() const;
  // What bytes() would be, without allocating anything.
  static std::size_t bytes_for(deck::ModelSection const& model, int max_sequences);

  kernels::AttentionShape attention;
  std::vector<LayerActivations> layers;
  NormedStream head_in;

  kernels::Tensor1<std::int32_t> tokens, targets;  // (N)
  kernels::Tensor1<float> losses;                  // (N)
  kernels::Tensor2<float> logits;                  // (chunk, V): of a few rows at a time
  kernels::Tensor2<float> branch;  // (N, C): output of a branch, then the gradient of its input
  kernels::Tensor2<float> dx;      // (N, C): gradient of the residual stream
  kernels::Tensor2<float> dqkv;    // (N, (H + 2 G) D)
  kernels::Tensor2<float> dgated;  // (N, F)
  kernels::Tensor1<float> attention_workspace;
  kernels::Tensor2<float> cosine, sine;  // (context, D / 2)

 private:
  class Cutter;
  explicit Activations(deck::ModelSection const& model) : model_(model) {}
  void cut(Cutter& cutter, int sequences, int length);

  deck::ModelSection model_;
  std::size_t max_rows_ = 0;
  kernels::FloatBuffer floats_;
  kernels::TokenBuffer token_buffer_;
};

}  // namespace atl::model
