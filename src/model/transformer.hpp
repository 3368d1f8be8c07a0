// The transformer (Llama family): loss, gradients and logits of batches of token sequences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "deck/config.hpp"
#include "kernels/views.hpp"
#include "tensor/param_table.hpp"

namespace atoll::model {

// Token sequences of equal length and what should follow each token, in host memory.
struct Batch {
  std::span<std::int32_t const> tokens;   // (sequences, length)
  std::span<std::int32_t const> targets;  // (sequences, length); -1: not counted
  int sequences = 0;
  int length = 0;
};

// Cross-entropy in nats, summed over the targets that count.
struct LossSum {
  double sum = 0.0;
  std::uint64_t targets = 0;
  double mean() const { return targets == 0 ? 0.0 : sum / static_cast<double>(targets); }
};

// Told of ranges of the flat gradient buffer that will not change any more in this pass: each element once, in an order
// that depends on the model alone. The range is final in the order of the execution space: fence before reading it elsewhere.
using GradientsReady = std::function<void(tensor::Range)>;

// Computes on `exec`, in buffers allocated once. Parameters and gradients stay the caller's: flat buffers laid out by
// the table, in the memory of the execution space. Local: never communicates.
class Transformer {
 public:
  // Room for `max_sequences` sequences of up to `model.context` tokens at once. Longer batches go through in several
  // passes whose gradients add up, so that memory does not grow with the batch.
  Transformer(kernels::Exec const& exec, deck::ModelSection const& model, tensor::ParamTable const& table,
              int max_sequences);
  ~Transformer();
  Transformer(Transformer&&) noexcept;
  Transformer& operator=(Transformer&&) noexcept;

  // gradients = scale * d(sum of losses) / d(params), overwritten. With scale = 1 / (targets of the whole step) the sum
  // over the ranks of a site is the gradient of the mean. `on_ready` may be empty.
  LossSum forward_backward(Batch const& batch, kernels::Tensor1<float const> params, double scale,
                           kernels::Tensor1<float> gradients, GradientsReady const& on_ready);

  LossSum forward_loss(Batch const& batch, kernels::Tensor1<float const> params);

  // Logits of the token that follows each sequence: tokens (sequences, length) to out (sequences, vocab), both on the host.
  void next_token_logits(std::span<std::int32_t const> tokens, int sequences, int length,
                         kernels::Tensor1<float const> params, std::span<float> out);

  std::size_t activation_bytes() const;  // of all buffers this object holds

 private:
  class Body;
  std::unique_ptr<Body> body_;
};

}  // namespace atoll::model
