#include "train/run_plan.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/site_layout.hpp"
#include "data/tokenizer.hpp"
#include "model/activations.hpp"
#include "model/parameters.hpp"
#include "tensor/partition.hpp"

namespace atl::train {

namespace {

// The deck says what the run expects of its data; the dataset says what it is.
std::vector<base::Problem> disagreements(deck::RunConfig const& config, data::Dataset const& dataset) {
  std::vector<base::Problem> problems;
  auto const folder = dataset.folder.string();
  if (config.data.tokenizer == "bytes" && !dataset.recipe.byte_level) {
    problems.push_back({"data.tokenizer",
                        fmt::format("\"bytes\", but {} was made with a SentencePiece tokenizer", folder),
                        fmt::format("use \"{}\"", dataset.tokenizer())});
  } else if (config.data.tokenizer != "bytes" &&
             data::load_tokenizer(config.data.tokenizer)->digest() != dataset.tokenizer_digest) {
    problems.push_back({"data.tokenizer",
                        fmt::format("\"{}\" is not the tokenizer of {}", config.data.tokenizer, folder),
                        fmt::format("use \"{}\"", dataset.tokenizer())});
  }
  if (config.model.vocab != 0 && config.model.vocab < dataset.vocab()) {
    problems.push_back(
        {"model.vocab",
         fmt::format("{} is less than the tokenizer's {}", config.model.vocab, dataset.vocab()),
         "use 0 for the tokenizer's own"});
  }
  if (config.data.validation_fraction != dataset.recipe.validation_fraction) {
    problems.push_back({"data.validation_fraction",
                        fmt::format("{}, but {} was split with {}", config.data.validation_fraction, folder,
                                    dataset.recipe.validation_fraction),
                        "use that value, or prepare the data again"});
  }
  auto const context = static_cast<std::uint64_t>(config.model.context);
  auto const least_train = static_cast<std::uint64_t>(config.sites.count) * context + 1;
  if (dataset.train.tokens < least_train) {
    problems.push_back({"sites.data",
                        fmt::format("{} has {} training tokens, fewer than one sequence of {} for each site",
                                    folder, dataset.train.tokens, context),
                        "give more text, or a shorter model.context"});
  }
  auto const least_validation = static_cast<std::uint64_t>(config.inner.batch) * context + 1;
  if (dataset.validation.tokens < least_validation) {
    problems.push_back({"sites.data",
                        fmt::format("{} has {} validation tokens, and one batch takes {}", folder,
                                    dataset.validation.tokens, least_validation),
                        "prepare it with a larger --validation-fraction, or lower inner.batch"});
  }
  return problems;
}

}  // namespace

int effective_sites(deck::RunConfig const& config) {
  return config.run.method == deck::Method::data_parallel ? 1 : config.sites.count;
}

int site_batch(deck::RunConfig const& config) {
  return config.inner.batch * config.sites.count / effective_sites(config);
}

bool has_outer_exchange(deck::RunConfig const& config) {
  return config.run.method != deck::Method::data_parallel;
}

RunPlan make_plan(deck::RunConfig config) {
  auto dataset = data::open_dataset(config.sites.data.front());
  if (auto problems = disagreements(config, dataset); !problems.empty())
    throw base::InputError(std::move(problems));
  if (config.model.vocab == 0) config.model.vocab = dataset.vocab();

  auto table = parameter_table(config);
  return {std::move(config), std::move(dataset), std::move(table)};
}

tensor::ParamTable parameter_table(deck::RunConfig const& config) {
  auto specs = model::parameter_specs(config.model);
  auto const fragment_of = tensor::partition_balanced(specs, config.outer.fragments);
  return {std::move(specs), fragment_of, config.outer.fragments};
}

MemoryEstimate estimate_memory(RunPlan const& plan) {
  auto const& config = plan.config;
  std::size_t const n = plan.table.size();
  std::size_t const largest = plan.table.largest_fragment();

  std::size_t const moments = config.inner.optimizer == deck::InnerOptimizerKind::adamw ? 2 : 0;
  MemoryEstimate estimate;
  std::size_t floats = (2 + moments) * n;  // parameters, gradients, moments
  if (has_outer_exchange(config)) {
    floats += n;                                                     // bases
    if (config.outer.receive == deck::Receive::rebase) floats += n;  // snapshots
    floats +=
        static_cast<std::size_t>(config.outer.in_flight) * 2 * largest;  // contributions out, releases in
    auto const shards = static_cast<std::size_t>(config.syncer.ranks);
    auto const sites = static_cast<std::size_t>(config.sites.count);
    estimate.shard_bytes = sizeof(float) * (2 * n / shards + (sites + 2) * largest);
  }
  int const training_ranks = comm::SiteLayout::ranks_needed(config) - config.syncer.ranks;
  int const sequences = site_batch(config) * effective_sites(config) / training_ranks;
  estimate.site_rank_bytes = sizeof(float) * floats + model::Activations::bytes_for(config.model, sequences);
  return estimate;
}

std::string describe(RunPlan const& plan) {
  auto const& config = plan.config;
  auto const memory = estimate_memory(plan);
  auto const mib = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  int const training_ranks = comm::SiteLayout::ranks_needed(config) - config.syncer.ranks;
  std::string text;
  text += fmt::format(
      "model   llama {} x {}, {} heads, context {}, vocabulary {}: {:.2f} M parameters in {} fragments\n",
      config.model.layers, config.model.width, config.model.heads, config.model.context, config.model.vocab,
      static_cast<double>(plan.table.size()) / 1e6, plan.table.fragments());
  text += fmt::format(
      "data    {}: {:.2f} M training tokens, {:.2f} M validation tokens, {:.2f} bytes a token\n",
      plan.dataset.folder.string(), static_cast<double>(plan.dataset.train.tokens) / 1e6,
      static_cast<double>(plan.dataset.validation.tokens) / 1e6, plan.dataset.bytes_per_validation_token());
  text += fmt::format("layout  {} ranks: {} for the syncer, {} in {} {}\n",
                      comm::SiteLayout::ranks_needed(config), config.syncer.ranks, training_ranks,
                      effective_sites(config), effective_sites(config) == 1 ? "site" : "sites");
  text += fmt::format("memory  {:.0f} MiB a site rank, {:.0f} MiB a shard\n", mib(memory.site_rank_bytes),
                      mib(memory.shard_bytes));
  auto const tokens =
      static_cast<double>(site_batch(config)) * config.model.context * effective_sites(config);
  text += fmt::format("steps   {}, {:.0f} tokens each over all sites: {:.2f} M tokens", config.run.steps,
                      tokens, tokens * static_cast<double>(config.run.steps) / 1e6);
  return text;
}

}  // namespace atl::train
