// What follows from a deck before any process does anything: vocabulary, outer rule, parameters, memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/digest.hpp"
#include "comm/shares.hpp"
#include "data/corpus.hpp"
#include "deck/config.hpp"
#include "outer/codec.hpp"
#include "tensor/param_table.hpp"

namespace atl::train {

struct RunPlan {
  deck::RunConfig config;                           // model.vocab is known
  deck::OuterSection outer;                         // as the method applies it
  outer::Codec codec = outer::Codec::fp32;          // of contributions
  outer::Codec release_codec = outer::Codec::fp32;  // of whole releases
  std::optional<outer::Codec> difference_codec;     // of the others; none: all are whole
  base::Digest tokenizer;                           // of data.tokenizer
  tensor::ParamTable table;
};

// Loads the tokenizer, but no text. Throws InputError. Local.
RunPlan make_plan(deck::RunConfig config);

// The deck's model as it is computed here: in bf16 only where that is faster than fp32.
deck::ModelSection model_here(deck::ModelSection model);

// The parameters of the deck's model, cut into its fragments. `model.vocab` must be known. Throws InputError.
tensor::ParamTable parameter_table(deck::RunConfig const& config);

// The text of a site of the deck: its own entry of `sites.data`, or the one that all share. Throws
// InputError. Local.
data::Corpus open_site_corpus(RunPlan const& plan, int deck_site);

// Sites as the methods see them: `data_parallel` joins all of the deck's sites into one.
int effective_sites(deck::RunConfig const& config);
// Sites of the deck that share one entry of `sites.data`.
int sites_per_corpus(deck::RunConfig const& config);
// That no step of a site of the deck is shorter than.
double step_floor_s(deck::RunConfig const& config, int deck_site);
// Sequences of one effective site in one step.
int site_batch(deck::RunConfig const& config);
// Sequences that a rank takes through the model at once, where its site of the deck has `ranks`; its part of
// a step may take several passes.
int pass_sequences(deck::RunConfig const& config, int ranks);
// True where fragments are exchanged.
bool has_outer_exchange(deck::RunConfig const& config);
// True where every site stops after exactly `run.steps` steps of its own, and not with the clock.
bool stops_each(deck::RunConfig const& config);

// Which parameters each rank of a site updates where its optimizer is sharded, and sums up at any rate.
comm::Shares update_shares(RunPlan const& plan, int ranks);

// "llama 4 x 256, 4 heads, context 256, vocabulary 2048: 3.93 M parameters".
std::string describe(deck::ModelSection const& model, std::size_t parameters);
// The longest payload that processes of the run send one another.
std::size_t longest_payload_bytes(RunPlan const& plan);

// Parameters, ranks and memory, in lines for the console.
std::string describe(RunPlan const& plan);

}  // namespace atl::train
