// The outer parameters of one shard: Theta and outer momentum of the fragments it owns, and the outer step on
// them.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "outer/merge.hpp"
#include "outer/outer_optimizer.hpp"
#include "tensor/param_table.hpp"
#include "transport/transport.hpp"

namespace atl::train {

class OuterModel {
 public:
  // Version 0: the initial parameters of the deck's seed, on this shard's fragments (p mod shards == shard).
  OuterModel(deck::RunConfig const& config, tensor::ParamTable const& table, int shard);

  // Theta of a fragment. Shared, never written again: a commit puts a new one in its place.
  transport::Payload const& values(int fragment) const { return fragments_.at(fragment).values; }

  // Merges the members' outer gradients (in the order given) and takes one outer step.
  void commit(int fragment, std::vector<outer::Weighted> const& members);

  void save(base::Writer& writer) const;  // tensors by name below "model", momentum by fragment
  void load(base::Reader const& reader);

 private:
  struct Fragment {
    transport::Payload values;
    outer::OuterOptimizer optimizer;
  };

  tensor::ParamTable const& table_;
  outer::MergeRule rule_;
  std::map<int, Fragment> fragments_;
  std::vector<float> merged_;  // room for the largest fragment
};

}  // namespace atl::train
