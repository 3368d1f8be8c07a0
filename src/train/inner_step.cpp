#include "train/inner_step.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/waiting.hpp"
#include "kernels/region.hpp"
#include "optim/clip.hpp"
#include "optim/lr_schedule.hpp"
#include "optim/optimizer_shares.hpp"

namespace atl::train {

namespace {

// Of this rank's site in the deck: where it is the site of the method, of those that are left.
int deck_ranks(RunPlan const& plan, comm::World const& world) {
  return has_outer_exchange(plan.config) ? world.site.size() : world.layout.deck_size(world.in_deck.group);
}

// Under data_parallel too every site of the deck takes its own sequences, so that all methods see the same.
data::StreamOptions stream_options(RunPlan const& plan, data::Corpus const& corpus,
                                   comm::World const& world) {
  auto const& config = plan.config;
  int const sequences = config.inner.batch / deck_ranks(plan, world);
  int const rank = has_outer_exchange(config) ? world.site.rank() : world.in_deck.rank;
  int const sharing = sites_per_corpus(config);
  return {.sources = corpus.training(),
          .seed = config.run.seed,
          .site = sharing == 1 ? 0 : world.in_deck.group,
          .sites = sharing,
          .batch_sequences = config.inner.batch,
          .first_sequence = rank * sequences,
          .sequences = sequences,
          .context = config.model.context};
}

}  // namespace

InnerStep::InnerStep(RunPlan const& plan, data::Corpus const& corpus, comm::World const& world, Trace& trace)
    : plan_(plan),
      site_(world.site),
      trace_(trace),
      is_sharded_(plan.config.inner.shard_optimizer && world.site.size() > 1),
      shares_(optim::optimizer_shares(plan.config.inner, plan.table, world.site.size())),
      sum_(world.site, update_shares(plan, world.site.size())),
      spread_(world.site, update_shares(plan, world.site.size())),
      model_(exec_, model_here(plan.config.model), plan.table,
             pass_sequences(plan.config, deck_ranks(plan, world))),
      optimizer_(exec_, plan.config.inner, plan.table,
                 is_sharded_ ? shares_[static_cast<std::size_t>(world.site.rank())]
                             : tensor::Range{0, plan.table.size()}),
      stream_(stream_options(plan, corpus, world)),
      has_leaders_text_(sites_per_corpus(plan.config) > 1 || world.in_deck.group == world.here.group) {
  for (auto const range : model_.in_order()) order_.push_back({range.offset, range.size});
  if (site_.rank() == 0 && model_here(plan.config.model) != plan.config.model) {
    base::log::warn(
        fmt::format("model.precision = \"bf16\": site {} computes in fp32, since its processor multiplies "
                    "bf16 numbers not "
                    "at all or more slowly",
                    world.here.group));
  }
}

RankShare InnerStep::compute_gradients(Replica& replica, std::uint64_t step,
                                       std::function<void()> const& meanwhile) {
  auto const gradients = replica.gradients();
  // Of a site of several ranks both directions travel beside the passes.
  bool const is_shared_out =
      site_.size() > 1 && (is_sharded_ || plan_.config.run.deterministic || !kernels::is_host_memory);
  bool const is_summed_beside = is_shared_out && travels_beside_passes;
  model::Beside beside{.meanwhile = meanwhile};
  if (is_sharded_) {
    beside.needed = [&](tensor::Range range) {
      kernels::Region const named("exchange of the parameters");
      replica.wait_for(range);
    };
  }
  if (is_summed_beside) {
    sum_.begin({gradients.data(), gradients.size()});
    beside.ready = [&](tensor::Range range) {
      kernels::Region const named("sum of the gradients");
      if constexpr (kernels::is_host_memory) exec_.fence();
      sum_.ready({range.offset, range.size});
    };
  }
  model::LossSum loss;
  {
    Trace::Span const span(trace_, Work::compute, step);
    auto const batch = stream_.next();
    double const site_targets = static_cast<double>(site_batch(plan_.config)) * batch.context;
    loss = model_.forward_backward({batch.tokens, batch.targets, batch.sequences, batch.context},
                                   replica.coming_parameters(), 1.0 / site_targets, gradients, beside);
  }
  Trace::Span const span(trace_, Work::reduce, step);
  kernels::Region const named("sum of the gradients");
  base::Waiting const waiting("the sum of the gradients");
  if (is_summed_beside) {
    finish_sum({gradients.data(), gradients.size()});
  } else if (site_.size() > 1) {
    kernels::change_on_host(gradients, room_, [&](std::span<float> all) {
      if (!is_shared_out) return site_.sum(all);
      sum_.begin(all);
      sum_.ready({0, all.size()});
      finish_sum(all);
    });
  }
  // A rank measures its share of the sum, so that all is measured once and sharding changes nothing.
  auto const mine = shares_[static_cast<std::size_t>(site_.rank())];
  return {.loss_sum = loss.sum,
          .squared_norm = optim::squared_norm(
              exec_, kernels::range<float const>(gradients, mine.offset, mine.size), squared_norm_),
          .targets = loss.targets};
}

void InnerStep::finish_sum(std::span<float> gradients) {
  sum_.finish();
  if (is_sharded_) return;
  spread_.begin(gradients, order_);
  spread_.finish();
}

double InnerStep::update(Replica& replica, double grad_norm, std::uint64_t step) {
  Trace::Span const span(trace_, Work::optimize, step);
  double const lr = optim::learning_rate(plan_.config.inner, plan_.config.run.steps, step);
  optimizer_.step(replica.parameters(), replica.gradients(), lr,
                  optim::clip_factor(grad_norm, plan_.config.inner.clip_norm));
  if (is_sharded_) replica.spread(order_);
  return lr;
}

void InnerStep::seek(std::uint64_t step) {
  stream_.seek(step * static_cast<std::uint64_t>(plan_.config.inner.batch));
}

void InnerStep::load_cursor(base::Reader const& reader) {
  if (has_leaders_text_) return stream_.load(reader);
  take_cursor(reader);
}

}  // namespace atl::train
