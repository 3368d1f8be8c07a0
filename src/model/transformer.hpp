// The transformer (Llama and GPT-2 families): loss, gradients and logits of batches of token sequences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "deck/config.hpp"
#include "model/activations.hpp"
#include "model/beside.hpp"
#include "model/views.hpp"
#include "model/weights.hpp"
#include "tensor/param_table.hpp"

namespace atl::model {

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
  LossSum& operator+=(LossSum const& other) {
    sum += other.sum;
    targets += other.targets;
    return *this;
  }
  double mean() const { return targets == 0 ? 0.0 : sum / static_cast<double>(targets); }
};

// Computes on `exec`, in buffers allocated once. Parameters and gradients stay the caller's: flat buffers
// laid out by the table, in the memory of exec. Local: never communicates. Every function waits for exec
// before it returns.
class Transformer {
 public:
  // Room for `max_sequences` sequences of `model.context` tokens at once. Longer batches go through in
  // several passes whose gradients add up, so that memory does not grow with the batch.
  Transformer(Exec const& exec, deck::ModelSection const& model, tensor::ParamTable const& table,
              int max_sequences);

  // gradients = scale * d(sum of losses) / d(params), overwritten. With scale = 1 / (targets of the whole
  // step) the sum over a site's ranks is the gradient of the mean.
  LossSum forward_backward(Batch const& batch, Tensor1<float const> params, double scale,
                           Tensor1<float> gradients, Beside const& beside);

  LossSum forward_loss(Batch const& batch, Tensor1<float const> params);

  // Logits of the token that follows each sequence, on the host: tokens (sequences, length) to out
  // (sequences, vocab).
  void next_token_logits(std::span<std::int32_t const> tokens, int sequences, int length,
                         Tensor1<float const> params, std::span<float> out);

  // All parameters, in the order in which they are needed.
  std::vector<tensor::Range> in_order() const;

  std::size_t bytes() const;
  // What bytes() would be, without allocating anything.
  static std::size_t bytes_for(deck::ModelSection const& model, tensor::ParamTable const& table,
                               int max_sequences);

 private:
  // What passes are computed in.
  template <class Real>
  struct Buffers {
    Activations<Real> activations;
    Kokkos::View<Real*, Kokkos::LayoutRight, kernels::ExecMemory> matrices;  // of floats empty
  };

  using AnyBuffers = std::variant<Buffers<float>, Buffers<Bf16>>;
  static AnyBuffers make_buffers(Exec const& exec, deck::ModelSection const& model,
                                 tensor::ParamTable const& table, int max_sequences);

  template <class Work>
  auto with_buffers(Tensor1<float const> const& params, Work const& work);
  // Copies a batch that fits into the activations and computes up to head_in. The first of a batch asks for
  // the parameters, and makes of them what products read.
  template <class Real>
  void run_forward(Batch const& part, Parameters<Real> const& params, bool is_first,
                   ParametersNeeded const& needed, Activations<Real>& act);
  // Of each pass in its turn: enqueued, and read when exec is done with all.
  void sum_losses(std::size_t pass, Tensor1<float const> losses);
  LossSum loss_of(Batch const& batch, std::size_t passes, std::function<void()> const& meanwhile) const;

  Exec exec_;
  deck::ModelSection model_;
  WeightMap map_;
  AnyBuffers buffers_;
  int max_sequences_;
  Kokkos::View<double*, kernels::ExecMemory> loss_sums_;  // by pass
};

}  // namespace atl::model
