// The `config.json` of a Hugging Face model: read into our terms where we can represent it, and written.
#pragma once

#include <optional>
#include <string>

#include "model/parameters.hpp"

namespace atl::interop {

// From the text of a config.json (`where` names it in messages): LlamaForCausalLM or GPT2LMHeadModel. Keys
// left out have transformers' defaults. Throws InputError with every key that is missing or means something
// we do not compute: scaled rotary positions, other activations, biases where we have none, ...
deck::ModelSection parse_config(std::string const& where, std::string const& text);

// Ids that generation with the model needs to know; none: not known.
struct SpecialTokens {
  std::optional<int> begin, end;
};

// transformers reads it as the same model. `model.vocab` must be known.
std::string config_json(deck::ModelSection const& model, SpecialTokens const& special);

}  // namespace atl::interop
