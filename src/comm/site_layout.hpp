// Which rank of the world is what: pure arithmetic, no MPI.
#pragma once

#include <vector>

#include "deck/config.hpp"

namespace atl::comm {

enum class Role { shard, site, spare };

struct Place {
  Role role = Role::site;
  int group = 0;  // the shard's, the site's or the spare's number
  int rank = 0;   // within the site; 0 is its leader, and for a shard
};

// World ranks: first the shards, then site 0, site 1, ..., then the spares. Rank 0 is shard 0, the hub of the
// star: it hears every site, so it owns console and metrics. With `data_parallel` all training ranks form
// site 0.
class SiteLayout {
 public:
  // Throws InputError where `world_size` does not fit, saying how many ranks the deck needs.
  SiteLayout(deck::RunConfig const& config, int world_size);
  static int ranks_needed(deck::RunConfig const& config);
  static std::vector<int> deck_sizes(deck::RunConfig const& config);  // ranks of each site of the deck
  static std::vector<int> site_sizes(deck::RunConfig const& config);  // as the method joins them

  int shards() const { return shards_; }
  int sites() const { return static_cast<int>(site_sizes_.size()); }
  int deck_size(int site) const { return deck_sizes_.at(static_cast<std::size_t>(site)); }
  int site_size(int site) const { return site_sizes_.at(static_cast<std::size_t>(site)); }
  Place place(int world_rank) const { return place_among(site_sizes_, world_rank); }
  // The rank's site in the deck, whose text it trains on; place() but under `data_parallel`.
  Place deck_place(int world_rank) const { return place_among(deck_sizes_, world_rank); }
  int shard_rank(int shard) const;  // in the world
  int leader_rank(int site) const;  // in the world
  int owner(int fragment) const { return fragment % shards_; }

 private:
  Place place_among(std::vector<int> const& sizes, int world_rank) const;

  int shards_ = 1;
  std::vector<int> deck_sizes_, site_sizes_;
};

}  // namespace atl::comm
