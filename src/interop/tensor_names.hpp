// What the tensors of a model are called and how they lie in Hugging Face's files.
#pragma once

#include <string>
#include <vector>

#include "interop/safetensors_header.hpp"
#include "model/parameters.hpp"
#include "tensor/param_table.hpp"

namespace atl::interop {

// One tensor of theirs and those of ours that it is made of, one below the other.
struct Counterpart {
  std::string name;                // "transformer.h.0.attn.c_attn.weight"
  std::vector<std::string> parts;  // query, key and value of layer 0
  bool transposed = false;         // (inputs, outputs), as GPT-2 keeps its matrices
};

// Of every tensor of the model, in the order of its forward pass.
std::vector<Counterpart> counterparts(deck::ModelSection const& model);

// True of tensors that some files hold beside these and that say nothing: masks, frequencies, and the head
// of a model that is tied to its embedding.
bool is_redundant(std::string_view name, deck::ModelSection const& model);

}  // namespace atl::interop
