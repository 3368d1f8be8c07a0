// What follows from a deck before any process does anything: data, vocabulary, parameters, memory.
#pragma once

#include <cstddef>
#include <string>

#include "data/dataset.hpp"
#include "deck/config.hpp"
#include "tensor/param_table.hpp"

namespace atl::train {

struct RunPlan {
  deck::RunConfig config;  // model.vocab is known
  data::Dataset dataset;
  tensor::ParamTable table;
};

// Opens the dataset, checks it against the deck and lays out the parameters. Throws InputError. Local.
RunPlan make_plan(deck::RunConfig config);

// The parameters of the deck's model, cut into its fragments. `model.vocab` must be known. Throws InputError.
tensor::ParamTable parameter_table(deck::RunConfig const& config);

// Sites as the methods see them: `data_parallel` joins all of the deck's sites into one.
int effective_sites(deck::RunConfig const& config);
// Sequences of one effective site in one step.
int site_batch(deck::RunConfig const& config);
// True where fragments are exchanged.
bool has_outer_exchange(deck::RunConfig const& config);

struct MemoryEstimate {
  std::size_t site_rank_bytes = 0;
  std::size_t shard_bytes = 0;
};

// Parameters, gradients, moments, bases, snapshots and buffers of a message in flight; per shard its
// fragments, their momentum and the contributions of open rounds.
MemoryEstimate estimate_memory(RunPlan const& plan);

// Tokens, parameters, ranks and memory, in lines for the console.
std::string describe(RunPlan const& plan);

}  // namespace atl::train
