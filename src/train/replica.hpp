// A site's copy of the model: what it trains, its gradients, and the outer parameters it last adopted.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/archive.hpp"
#include "kernels/on_host.hpp"
#include "kernels/staging.hpp"
#include "protocol/site_machine.hpp"
#include "train/error_feedback.hpp"
#include "train/run_plan.hpp"
#include "train/site_shares.hpp"

namespace atl::train {

class Replica {
 public:
  // All of it lies where kernels compute. The site's leader alone codes contributions and keeps what the
  // codec leaves over.
  Replica(RunPlan const& plan, comm::Communicator const& site);

  // Whole: waits for what is on its way.
  kernels::Tensor1<float> parameters() const;
  // Collective over the site, like what waits. Each rank has updated its share (optimizer_shares.hpp): passes
  // it to the others while they go on, in this order.
  void spread(std::vector<comm::Part> const& in_order);
  // As they come: read is only what was waited for.
  kernels::Tensor1<float const> coming_parameters() const { return theta_; }
  void wait_for(tensor::Range range) { spread_.wait_for({range.offset, range.size}); }
  // A rank is lost: what was on its way does not come, and theta is worth nothing.
  void give_up() { spread_.give_up(); }

  kernels::Tensor1<float> gradients() const { return gradients_; }
  // What the model is judged by: the adopted outer parameters, or the parameters themselves where nothing is
  // exchanged.
  kernels::Tensor1<float const> outer_parameters() const;
  // The same for the host, until the replica is asked again or changes.
  std::span<float const> outer_values(tensor::Range range) const;
  // The parameters for the host, likewise.
  std::span<float const> values() const { return kernels::read_on_host(parameters(), room_); }
  // change(values of a range) by the host.
  template <class Change>
  void change(tensor::Range range, Change const& change) {
    kernels::change_on_host(range_of(parameters(), range), room_, change);
  }

  // Puts the released values of a fragment in place; they become its base. Enqueued, like what follows.
  void adopt(int fragment, kernels::Tensor1<std::byte const> release, protocol::AdoptRule rule);

  // base - theta of a fragment as it is now, coded; it leaves by `out`.
  void outer_gradient(int fragment, kernels::Staging& out);
  // What became of the last one: whether what the codec left out of it goes into the next.
  void settle(int fragment, bool advanced);
  // Remembers theta of a fragment as it is now, where snapshots are kept.
  void take_snapshot(int fragment);

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  static kernels::Tensor1<float> range_of(kernels::Tensor1<float> const& x, tensor::Range range) {
    return kernels::range(x, range.offset, range.size);
  }
  RunPlan const& plan_;
  kernels::FloatBuffer theta_;
  mutable ShareSpread spread_;  // of theta
  kernels::FloatBuffer gradients_;
  kernels::FloatBuffer base_;               // empty where nothing is exchanged
  kernels::FloatBuffer snapshots_;          // flat, as the table; empty unless `rebase`
  std::optional<ErrorFeedback> left_over_;  // none unless this rank contributes
  mutable kernels::HostRoom room_;
};

}  // namespace atl::train
