// The parameters a model starts from: any process can draw any tensor, and all draw the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "deck/config.hpp"
#include "tensor/param_table.hpp"

namespace atl::model {

// Fills `out` with the initial values of `tensor`, the one at place `index` of its table: norm weights are 1,
// biases 0; matrices and embeddings are normal with standard deviation 0.02, those that write to the residual
// stream (attention.output, ffn.down) with 0.02 / sqrt(2 layers), as GPT-2 does. A pure function of seed,
// index and element. Local, on the host.
void initialize(tensor::Tensor const& tensor, std::size_t index, deck::ModelSection const& model,
                std::uint64_t seed, std::span<float> out);

}  // namespace atl::model
