#include "comm/site_layout.hpp"

#include <fmt/format.h>

#include <numeric>

#include "base/error.hpp"

namespace atl::comm {

SiteLayout::SiteLayout(deck::RunConfig const& config, int world_size)
    : shards_(config.syncer.ranks), deck_sizes_(deck_sizes(config)), site_sizes_(site_sizes(config)) {
  int const training = std::accumulate(site_sizes_.begin(), site_sizes_.end(), 0);
  int const needed = shards_ + training + config.sites.spares;
  if (world_size != needed) {
    throw base::InputError(
        "mpirun", fmt::format("started with {} ranks", world_size),
        fmt::format("the deck needs {}: {} for the syncer, {} for training and {} spare; start as many "
                    "with `atoll launch DECK` or mpirun -n {} (as root scripts/mpirun.sh), or change "
                    "sites.count, sites.ranks, sites.spares or syncer.ranks",
                    needed, shards_, training, config.sites.spares, needed));
  }
}

int SiteLayout::ranks_needed(deck::RunConfig const& config) {
  auto const sizes = site_sizes(config);
  return std::accumulate(sizes.begin(), sizes.end(), config.syncer.ranks + config.sites.spares);
}

std::vector<int> SiteLayout::deck_sizes(deck::RunConfig const& config) {
  auto const& ranks = config.sites.ranks;
  auto const count = static_cast<std::size_t>(config.sites.count);
  if (ranks.size() != 1 && ranks.size() != count) {
    throw base::InputError("sites.ranks", fmt::format("{} numbers for {} sites", ranks.size(), count),
                           "give one number for all sites, or one for each");
  }
  return ranks.size() == 1 ? std::vector<int>(count, ranks[0]) : ranks;
}

std::vector<int> SiteLayout::site_sizes(deck::RunConfig const& config) {
  auto const sizes = deck_sizes(config);
  if (config.run.method != deck::Method::data_parallel) return sizes;
  return {std::accumulate(sizes.begin(), sizes.end(), 0)};
}

Place SiteLayout::place_among(std::vector<int> const& sizes, int world_rank) const {
  if (world_rank < shards_) return {Role::shard, world_rank, 0};
  std::size_t site = 0;
  int rank = world_rank - shards_;
  while (site < sizes.size() && rank >= sizes[site]) rank -= sizes[site++];
  if (site == sizes.size()) return {Role::spare, rank, 0};
  return {Role::site, static_cast<int>(site), rank};
}

int SiteLayout::shard_rank(int shard) const { return shard; }

int SiteLayout::leader_rank(int site) const {
  return std::accumulate(site_sizes_.begin(), site_sizes_.begin() + site, shards_);
}

}  // namespace atl::comm
