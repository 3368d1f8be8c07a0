#include "train/run_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/cpu_features.hpp"
#include "base/error.hpp"
#include "comm/site_layout.hpp"
#include "data/tokenizer.hpp"
#include "deck/deck.hpp"
#include "deck/names.hpp"
#include "kernels/views.hpp"
#include "model/parameters.hpp"
#include "optim/optimizer_shares.hpp"
#include "tensor/partition.hpp"
#include "train/memory_estimate.hpp"
#include "train/outer_model.hpp"
#include "train/shared_moments.hpp"
#include "transport/mpi/wire.hpp"

namespace atl::train {

namespace {

std::vector<int> partition(deck::OuterSection const& outer, std::span<tensor::TensorSpec const> specs) {
  switch (outer.partition) {
    case deck::PartitionKind::balanced:
      return tensor::partition_balanced(specs, outer.fragments);
    case deck::PartitionKind::strided:
      return tensor::partition_strided(specs, outer.fragments);
    case deck::PartitionKind::whole:
      break;
  }
  return tensor::partition_whole(specs);
}

outer::Codec codec_of(deck::Codec codec) { return outer::codec_named(deck::name(codec)); }

// What makes a run a trial: faults by the deck, and links that are not there.
std::string describe_trial(deck::RunConfig const& config) {
  std::string text;
  auto const& link = config.link;
  if (link.delay_ms > 0 || link.bandwidth_mbit_s > 0)
    text +=
        fmt::format("\nlink    modelled: {} ms, {} to and from a site", link.delay_ms,
                    link.bandwidth_mbit_s > 0 ? fmt::format("{} Mbit/s", link.bandwidth_mbit_s) : "any rate");
  if (!config.chaos.empty()) text += fmt::format("\nfaults  {} scripted by the deck", config.chaos.size());
  if (config.storm.faults_per_hour > 0)
    text += fmt::format("\nfaults  at random, {} an hour", config.storm.faults_per_hour);
  return text;
}

void check_payloads(RunPlan const& plan) {
  auto const longest = longest_payload_bytes(plan);
  if (longest <= transport::longest_rest_bytes) return;
  constexpr double gib = 1 << 30;
  bool const is_of_fragment = OuterModel::longest_replica_bytes(plan) > transport::longest_rest_bytes;
  throw base::InputError(
      "model",
      fmt::format("has {:.2f} M parameters: processes would send one another {:.1f} GiB at once, and {:.1f} "
                  "is the most",
                  static_cast<double>(plan.table.size()) / 1e6, static_cast<double>(longest) / gib,
                  static_cast<double>(transport::longest_rest_bytes) / gib),
      is_of_fragment
          ? "take more outer.fragments"
          : "a site that returns takes the moments of another whole, so run.method = \"decoupled\" takes "
            "models of at most 1073 M parameters; the other methods take larger ones");
}

}  // namespace

int effective_sites(deck::RunConfig const& config) {
  return config.run.method == deck::Method::data_parallel ? 1 : config.sites.count;
}

int sites_per_corpus(deck::RunConfig const& config) {
  return config.sites.data.size() == 1 ? config.sites.count : 1;
}

double step_floor_s(deck::RunConfig const& config, int deck_site) {
  auto const& floors = config.sites.step_floor_s;
  return floors.size() == 1 ? floors[0] : floors.at(static_cast<std::size_t>(deck_site));
}

int site_batch(deck::RunConfig const& config) {
  return config.inner.batch * config.sites.count / effective_sites(config);
}

bool has_outer_exchange(deck::RunConfig const& config) {
  return config.run.method != deck::Method::data_parallel;
}

bool stops_each(deck::RunConfig const& config) {
  return config.run.method != deck::Method::decoupled || config.run.stop == deck::Stop::each;
}

RunPlan make_plan(deck::RunConfig config) {
  config.model.vocab = data::vocabulary(config.data.tokenizer, config.model.vocab);
  auto outer = deck::outer_rule(config);
  auto const codec = codec_of(outer.codec), of_releases = codec_of(outer.release_codec);
  bool const are_differences = deck::is_of_differences(outer.release_codec);
  auto const tokenizer = data::load_tokenizer(config.data.tokenizer)->digest();
  auto table = parameter_table(config);
  RunPlan plan{.config = std::move(config),
               .outer = std::move(outer),
               .codec = codec,
               .release_codec = are_differences ? outer::Codec::fp32 : of_releases,
               .difference_codec = are_differences ? std::optional(of_releases) : std::nullopt,
               .tokenizer = tokenizer,
               .table = std::move(table)};
  check_payloads(plan);
  return plan;
}

// A fragment with its momentum and what it is merged from; under `decoupled` also the moments of a whole
// site, for one that returns.
std::size_t longest_payload_bytes(RunPlan const& plan) {
  bool const sites_return = plan.config.run.method == deck::Method::decoupled;
  return std::max(OuterModel::longest_replica_bytes(plan), sites_return ? longest_moments_bytes(plan) : 0);
}

tensor::ParamTable parameter_table(deck::RunConfig const& config) {
  auto const outer = deck::outer_rule(config);
  auto specs = model::parameter_specs(config.model);
  auto const fragment_of = partition(outer, specs);
  return {std::move(specs), fragment_of, outer.fragments};
}

data::Corpus open_site_corpus(RunPlan const& plan, int deck_site) {
  auto const& config = plan.config;
  bool const is_shared = config.sites.data.size() == 1;
  auto const& entry = config.sites.data[is_shared ? 0 : static_cast<std::size_t>(deck_site)];
  return data::open_corpus({entry}, {.tokenizer = config.data.tokenizer,
                                     .vocab = config.model.vocab,
                                     .validation_fraction = config.data.validation_fraction,
                                     .context = config.model.context,
                                     .sites = sites_per_corpus(config),
                                     .batch = config.inner.batch});
}

comm::Shares update_shares(RunPlan const& plan, int ranks) {
  std::vector<std::size_t> sizes;
  for (auto const share : optim::optimizer_shares(plan.config.inner, plan.table, ranks))
    sizes.push_back(share.size);
  return comm::Shares(sizes);
}

deck::ModelSection model_here(deck::ModelSection model) {
  if (kernels::is_host_memory && !base::has_fast_bf16()) model.precision = deck::Precision::fp32;
  return model;
}

int pass_sequences(deck::RunConfig const& config, int ranks) {
  int const all = config.inner.batch / ranks;
  return config.inner.micro_batch > 0 ? std::min(config.inner.micro_batch, all) : all;
}

std::string describe(deck::ModelSection const& model, std::size_t parameters) {
  auto const heads = model.kv_heads == model.heads
                         ? fmt::format("{} heads", model.heads)
                         : fmt::format("{} heads over {} of keys and values", model.heads, model.kv_heads);
  return fmt::format("{}{} {} x {}, {}, context {}, vocabulary {}: {:.2f} M parameters",
                     model.precision == deck::Precision::bf16 ? "bf16 " : "", deck::name(model.family),
                     model.layers, model.width, heads, model.context, model.vocab,
                     static_cast<double>(parameters) / 1e6);
}

std::string describe(RunPlan const& plan) {
  auto const& config = plan.config;
  auto const sizes = comm::SiteLayout::site_sizes(config);
  std::string text;
  text += fmt::format("model   {} in {} fragment{}\n", describe(config.model, plan.table.size()),
                      plan.table.fragments(), plan.table.fragments() == 1 ? "" : "s");
  text += fmt::format("layout  {} ranks: {} for the syncer, {} in {} {}{}\n",
                      comm::SiteLayout::ranks_needed(config), config.syncer.ranks,
                      std::accumulate(sizes.begin(), sizes.end(), 0), sizes.size(),
                      sizes.size() == 1 ? "site" : "sites",
                      config.sites.spares == 0 ? "" : fmt::format(", {} spare", config.sites.spares));
  text += describe(estimate_memory(plan));
  auto const tokens =
      static_cast<double>(site_batch(config)) * config.model.context * effective_sites(config);
  text += fmt::format("steps   {}, {:.0f} tokens each over all sites: {:.2f} M tokens", config.run.steps,
                      tokens, tokens * static_cast<double>(config.run.steps) / 1e6);
  return text + describe_trial(config);
}

}  // namespace atl::train
