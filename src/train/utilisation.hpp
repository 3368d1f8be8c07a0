// How much of a processor's power goes into what a model needs: model FLOP utilisation (MFU).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "deck/config.hpp"

namespace atl::train {

// What training on one token needs, forward and backward, however it is computed: what is computed twice, as
// with recompute, counts once. By PaLM (Chowdhery et al. 2022, arXiv 2204.02311, appendix B)
//   6 N + 12 L H Q T
// with L layers, H heads of Q numbers and T tokens of context. N are the parameters that multiply: the
// matrices of the layers and of the head, which is that of the token embedding where they are tied; no
// embedding that is only looked up, no positions, norms or biases. As in the paper attention is counted over
// the whole context, though a causal one needs half of it. (llm.c counts all parameters and half the
// attention: 6 N + 6 L C T.)
struct TokenOperations {
  std::size_t multiplying = 0;  // N
  double all = 0.0;
};
// `model.vocab` must be known.
TokenOperations operations_per_token(deck::ModelSection const& model);

// Dense bf16 products a second that NVIDIA states for the device of this name (as CUDA tells it); none where
// we are not sure, as for a part of one.
std::optional<double> stated_peak_operations_s(std::string_view device);

}  // namespace atl::train
