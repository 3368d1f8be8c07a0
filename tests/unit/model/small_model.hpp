// A model small enough to test in milliseconds, with its buffers, and batches for it.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/buffer.hpp"
#include "model/transformer.hpp"
#include "support/host_copy.hpp"

namespace atl::test {

// Llama: two layers, width 16, two heads, untied. What a case changes, it says.
deck::ModelSection small_section();
// The same of GPT-2, with positions to learn and biases.
deck::ModelSection small_gpt2_section();

// Random tokens and targets, kept while the batch is used.
struct Sequences {
  int count = 0;
  int length = 0;
  std::vector<std::int32_t> tokens, targets;

  Sequences(deck::ModelSection const& model, int sequences, int context, std::uint64_t seed);
  model::Batch batch() const { return {tokens, targets, count, length}; }
  // `some` sequences from `first` on.
  model::Batch batch(int first, int some) const;
};

struct SmallModel {
  deck::ModelSection section;
  tensor::ParamTable table;
  kernels::Exec exec;
  kernels::FloatBuffer params, gradients;

  // In three fragments. Weights of a size that makes attention uneven and every gradient matter.
  explicit SmallModel(deck::ModelSection const& model);

  model::Transformer transformer(int max_sequences) const;
  std::vector<float> gradient_values() const { return to_host(gradients); }
};

// max |a - b| / max |b|: the error the golden files are judged by.
double relative_error(std::vector<float> const& a, std::vector<float> const& b);

}  // namespace atl::test
