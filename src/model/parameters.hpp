// The tensors of a model: their names, kinds and shapes, in the model's order.
#pragma once

#include <vector>

#include "deck/config.hpp"
#include "tensor/param_table.hpp"

namespace atl::model {

// Every parameter tensor, in the order of the forward pass. Of the Llama family:
//   embedding.tokens (V, C)
//   layers.<l>.attention_norm (C), .attention.query (H D, C), .attention.key / .value (G D, C),
//     .attention.output (C, H D)
//   layers.<l>.ffn_norm (C), .ffn.gate / .ffn.up (F, C), .ffn.down (C, F)
//   final_norm (C), and head (V, C) unless it is tied to embedding.tokens
// GPT-2 has embedding.positions (T, C) after embedding.tokens, no .ffn.gate, and after every other tensor of
// a layer and after final_norm its bias: the name with _bias, (rows). Its head has none. Matrices are
// (outputs, inputs), row-major, as torch.nn.Linear keeps them. `model.vocab` must be known.
std::vector<tensor::TensorSpec> parameter_specs(deck::ModelSection const& model);

}  // namespace atl::model
