// One inner step on one rank of a site: its part of the batch, the site's gradients, the update.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/archive.hpp"
#include "comm/world.hpp"
#include "data/token_stream.hpp"
#include "kernels/on_host.hpp"
#include "model/transformer.hpp"
#include "optim/inner_optimizer.hpp"
#include "train/record.hpp"
#include "train/replica.hpp"
#include "train/run_plan.hpp"
#include "train/site_shares.hpp"
#include "train/trace.hpp"

namespace atl::train {

class InnerStep {
 public:
  InnerStep(RunPlan const& plan, data::Corpus const& corpus, comm::World const& world, Trace& trace);

  // Collective over the site. Leaves the site's summed gradients in the replica, of a sharded optimizer only
  // this rank's share of them, and returns what this rank puts into the record. `meanwhile` is called again
  // and again while a device computes.
  RankShare compute_gradients(Replica& replica, std::uint64_t step, std::function<void()> const& meanwhile);

  // Updates the parameters from them. Returns the learning rate. Collective over the site where the optimizer
  // is sharded.
  double update(Replica& replica, double grad_norm, std::uint64_t step);

  // A rank is lost: nothing comes any more of what was on its way.
  void give_up() {
    sum_.give_up();
    spread_.give_up();
  }

  bool is_sharded() const { return is_sharded_; }
  model::Transformer& model() { return model_; }

  // True where this rank's optimizer has a state of its own, which no other rank can save for it.
  bool has_own_state() const { return is_sharded_ || site_.rank() == 0; }
  void save_optimizer(base::Writer& writer) const { optimizer_.save(writer); }
  void load_optimizer(std::span<std::unique_ptr<base::Reader> const> saved) { optimizer_.load(saved); }
  std::uint64_t cursor() const { return stream_.cursor(); }
  // To where a site is in its text that has taken so many steps.
  void seek(std::uint64_t step);
  void save_cursor(base::Writer& writer) const { stream_.save(writer); }
  // Of what this site's leader saved; throws InputError where that was of other text.
  void load_cursor(base::Reader const& reader);
  // Of what another site saved: as far into this site's text.
  void take_cursor(base::Reader const& reader) { stream_.seek(reader.read_uint("cursor")); }

 private:
  // Of parts that are all told of: to whose share they are, or to all.
  void finish_sum(std::span<float> gradients);

  RunPlan const& plan_;
  comm::Communicator const& site_;
  Trace& trace_;
  bool is_sharded_;
  std::vector<tensor::Range> shares_;  // of the ranks: whose part of the norm, and of the moments
  ShareSum sum_;                       // of the gradients
  ShareSpread spread_;                 // likewise, where the optimizer is not sharded
  kernels::Exec exec_;
  model::Transformer model_;
  std::vector<comm::Part> order_;  // of the parameters, as they are needed
  optim::InnerOptimizer optimizer_;
  Kokkos::View<double, kernels::ExecMemory> squared_norm_{"squared norm"};
  kernels::HostRoom room_;  // for gradients of a device on their way to other ranks
  data::TokenStream stream_;
  bool has_leaders_text_;  // not so under data_parallel where sites of the deck have text of their own
};

}  // namespace atl::train
