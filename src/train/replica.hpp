// A site's copy of the model: what it trains, its gradients, and the outer parameters it last adopted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/archive.hpp"
#include "kernels/buffer.hpp"
#include "protocol/site_machine.hpp"
#include "tensor/param_table.hpp"
#include "transport/transport.hpp"

namespace atl::train {

class Replica {
 public:
  // `keeps_base`: false where nothing is exchanged (data_parallel). `keeps_snapshots`: true for `rebase`.
  Replica(tensor::ParamTable const& table, bool keeps_base, bool keeps_snapshots);

  kernels::Tensor1<float> parameters() const { return theta_; }
  kernels::Tensor1<float> gradients() const { return gradients_; }
  // What the model is judged by: the adopted outer parameters, or the parameters themselves where nothing is
  // exchanged.
  kernels::Tensor1<float const> outer_parameters() const;

  // Puts the released values of a fragment in place; they become its base.
  void adopt(int fragment, std::span<float const> release, protocol::AdoptRule rule);
  // base - theta of a fragment as it is now.
  transport::Payload outer_gradient(int fragment) const;
  // Remembers theta of a fragment as it is now, where snapshots are kept.
  void take_snapshot(int fragment);

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  std::span<float> snapshot_of(tensor::Range range);

  tensor::ParamTable const& table_;
  kernels::FloatBuffer theta_;
  kernels::FloatBuffer gradients_;
  kernels::FloatBuffer base_;     // empty unless keeps_base
  std::vector<float> snapshots_;  // flat, as the table; empty unless keeps_snapshots
};

}  // namespace atl::train
