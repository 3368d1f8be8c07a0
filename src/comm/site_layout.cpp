#include "comm/site_layout.hpp"

#include <fmt/format.h>

#include <numeric>

#include "base/error.hpp"

namespace atl::comm {

namespace {

std::vector<int> site_sizes(deck::RunConfig const& config) {
  auto const& ranks = config.sites.ranks;
  auto const count = static_cast<std::size_t>(config.sites.count);
  if (ranks.size() != 1 && ranks.size() != count) {
    throw base::InputError("sites.ranks", fmt::format("{} numbers for {} sites", ranks.size(), count),
                           "give one number for all sites, or one for each");
  }
  std::vector<int> sizes = ranks.size() == 1 ? std::vector<int>(count, ranks[0]) : ranks;
  if (config.run.method == deck::Method::data_parallel) {
    sizes = {std::accumulate(sizes.begin(), sizes.end(), 0)};
  }
  return sizes;
}

}  // namespace

SiteLayout::SiteLayout(deck::RunConfig const& config, int world_size)
    : shards_(config.syncer.ranks), site_sizes_(site_sizes(config)) {
  int const training = std::accumulate(site_sizes_.begin(), site_sizes_.end(), 0);
  if (world_size != shards_ + training) {
    throw base::InputError("mpirun", fmt::format("started with {} ranks", world_size),
                           fmt::format("the deck needs {}: {} for the syncer and {} for training; start with "
                                       "mpirun -n {}, or change sites.count, sites.ranks or syncer.ranks",
                                       shards_ + training, shards_, training, shards_ + training));
  }
}

int SiteLayout::ranks_needed(deck::RunConfig const& config) {
  auto const sizes = site_sizes(config);
  return std::accumulate(sizes.begin(), sizes.end(), config.syncer.ranks);
}

Place SiteLayout::place(int world_rank) const {
  if (world_rank < shards_) return {Role::shard, world_rank, 0};
  int site = 0;
  int rank = world_rank - shards_;
  while (rank >= site_size(site)) rank -= site_size(site++);
  return {Role::site, site, rank};
}

int SiteLayout::shard_rank(int shard) const { return shard; }

int SiteLayout::leader_rank(int site) const {
  return std::accumulate(site_sizes_.begin(), site_sizes_.begin() + site, shards_);
}

}  // namespace atl::comm
