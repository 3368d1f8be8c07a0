#include "train/memory_estimate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/site_layout.hpp"
#include "model/transformer.hpp"
#include "optim/inner_optimizer.hpp"
#include "optim/optimizer_shares.hpp"

namespace atl::train {

namespace {

constexpr std::size_t product_workspace_bytes = 32U << 20U;  // kernels/cuda/matmul.hpp

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// The largest share of a site of so many ranks.
std::size_t optimizer_bytes(RunPlan const& plan, int ranks) {
  auto const& inner = plan.config.inner;
  if (!inner.shard_optimizer || ranks == 1) {
    return optim::InnerOptimizer::bytes_for(inner, plan.table, {0, plan.table.size()});
  }
  std::size_t most = 0;
  for (auto const share : optim::optimizer_shares(inner, plan.table, ranks))
    most = std::max(most, optim::InnerOptimizer::bytes_for(inner, plan.table, share));
  return most;
}

std::size_t activation_bytes(RunPlan const& plan, int deck_ranks) {
  return model::Transformer::bytes_for(model_here(plan.config.model), plan.table,
                                       pass_sequences(plan.config, deck_ranks));
}

// Floats of one rank of a site, whatever its layout.
struct RankFloats {
  RankFloats(RunPlan const& plan, bool is_leader) {
    std::size_t const n = plan.table.size();
    std::size_t const largest = plan.table.largest_fragment();
    auto const in_flight = static_cast<std::size_t>(plan.outer.in_flight);
    saved = n;  // parameters
    gradients = n;
    if (!has_outer_exchange(plan.config)) return;
    saved += n;                                                   // bases
    if (plan.outer.receive == deck::Receive::rebase) saved += n;  // snapshots
    if (plan.outer.codec != deck::Codec::fp32 && is_leader) {
      saved += n;                       // residuals
      under_way = in_flight * largest;  // that may take their place
    }
    if (plan.difference_codec) differences = n + largest;  // what they are added to
    messages = in_flight * 2 * largest;                    // contributions out, releases in
  }

  std::size_t saved = 0, gradients = 0, under_way = 0;  // where kernels compute
  std::size_t differences = 0;                          // of the host
  std::size_t messages = 0;
};

// Messages lie there, too, while they are coded or adopted.
std::size_t on_device(RankFloats const& floats, std::size_t moments, std::size_t activations) {
  return sizeof(float) * (floats.saved + floats.gradients + floats.under_way + floats.messages) + moments +
         activations + product_workspace_bytes;
}

void add_shards(RunPlan const& plan, MemoryEstimate& estimate) {
  std::size_t const n = plan.table.size(), largest = plan.table.largest_fragment();
  auto const shards = static_cast<std::size_t>(plan.config.syncer.ranks);
  auto const sites = static_cast<std::size_t>(plan.config.sites.count);
  std::size_t const older = plan.outer.anchor == deck::Anchor::current ? plan.outer.max_staleness : 0;
  // Theta, its momentum and its release, older releases; contributions of open rounds and room to merge.
  // The coded differences are less than the room counted for each.
  bool const is_lossy = plan.release_codec != outer::Codec::fp32 || plan.difference_codec;
  estimate.shard_copy_bytes = sizeof(float) * ((2 + is_lossy + older) * n / shards + sites * largest);
  estimate.shard_bytes = sizeof(float) * 2 * n / shards +
                         outer::encoded_bytes(plan.release_codec, (1 + older) * n / shards) +
                         sizeof(float) * (sites + 2) * largest + estimate.shard_copy_bytes;
}

}  // namespace

MemoryEstimate estimate_memory(RunPlan const& plan, bool is_on_device) {
  auto const& config = plan.config;
  MemoryEstimate estimate;
  if (has_outer_exchange(config)) add_shards(plan, estimate);
  RankFloats const floats(plan, /*is_leader=*/true);
  std::size_t moments = 0, activations = 0;
  for (int const ranks : comm::SiteLayout::site_sizes(config))
    moments = std::max(moments, optimizer_bytes(plan, ranks));
  for (int const ranks : comm::SiteLayout::deck_sizes(config))
    activations = std::max(activations, activation_bytes(plan, ranks));

  estimate.site_copy_bytes = sizeof(float) * floats.saved + moments;
  if (is_on_device) {
    // Messages as they are sent, and in pinned memory; parameters and moments as the host reads them.
    estimate.site_rank_bytes =
        sizeof(float) * (floats.differences + 2 * floats.messages + 2 * plan.table.size()) +
        estimate.site_copy_bytes;
    estimate.site_device_bytes = on_device(floats, moments, activations);
  } else {
    estimate.site_rank_bytes = sizeof(float) * (floats.gradients + floats.differences + floats.messages) +
                               activations + 2 * estimate.site_copy_bytes;
  }
  return estimate;
}

std::size_t estimate_device_bytes(RunPlan const& plan, comm::SiteLayout const& layout, int world_rank) {
  auto const here = layout.place(world_rank), in_deck = layout.deck_place(world_rank);
  return on_device(RankFloats(plan, here.rank == 0), optimizer_bytes(plan, layout.site_size(here.group)),
                   activation_bytes(plan, layout.deck_size(in_deck.group)));
}

std::string describe(MemoryEstimate const& estimate) {
  auto const of_device = estimate.site_device_bytes > 0
                             ? fmt::format("{:.0f} MiB of the device and ", mib(estimate.site_device_bytes))
                             : "";
  auto const of_host = estimate.site_device_bytes > 0 ? " of the host" : "";
  return fmt::format(
      "memory  {}{:.0f} MiB{} a site rank, {:.0f} MiB a shard; of it {:.0f} and {:.0f}{} while a checkpoint "
      "is "
      "written\n",
      of_device, mib(estimate.site_rank_bytes), of_host, mib(estimate.shard_bytes),
      mib(estimate.site_copy_bytes), mib(estimate.shard_copy_bytes), of_host);
}

void check_fits(DeviceDemand const& demand) {
  auto const asked = fmt::format(
      "{} of this run ask{} {} for {:.0f} MiB, and it has {:.0f}",
      demand.ranks == 1 ? "one site rank" : fmt::format("{} site ranks", demand.ranks),
      demand.ranks == 1 ? "s" : "", demand.device, mib(demand.asked_bytes), mib(demand.there_bytes));
  std::string const remedy =
      "take inner.micro_batch, model.recompute, bf16 or a sharded optimizer (inner.shard_optimizer), "
      "or fewer ranks a GPU";
  if (demand.asked_bytes > demand.there_bytes) throw base::InputError("device memory", asked, remedy);
  if (demand.asked_bytes > demand.there_bytes / 10 * 9)
    base::log::warn(fmt::format("device memory: {}: it may not last; {}", asked, remedy));
}

}  // namespace atl::train
