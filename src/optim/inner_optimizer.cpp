#include "optim/inner_optimizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "deck/names.hpp"
#include "kernels/newton_schulz.hpp"
#include "kernels/optimizer.hpp"
#include "kernels/reduce.hpp"

namespace atl::optim {

using deck::InnerOptimizerKind;
using kernels::range;
using kernels::Tensor1;
using kernels::Tensor2;

namespace {

constexpr float adamw_eps = 1e-8f;
// Root mean square of Muon's updates: near that of AdamW's.
constexpr double muon_rms = 0.2;

// The moments of what is updated element by element.
std::vector<std::string> elementwise_moments(deck::InnerSection const& inner) {
  if (inner.optimizer != InnerOptimizerKind::sgd) return {"moment1", "moment2"};
  if (inner.momentum > 0.0) return {"momentum"};
  return {};
}

// The momentum that Newton-Schulz consumes, what it makes of it, and its own scratch memory.
std::size_t scratch_size(std::span<UpdatePlan::Matrix const> matrices) {
  std::size_t size = 0;
  for (auto const& matrix : matrices) {
    size = std::max(size, 2 * matrix.range.size + kernels::newton_schulz_scratch(matrix.rows, matrix.cols));
  }
  return size;
}

std::vector<std::unique_ptr<base::Reader>> groups_of(std::span<std::unique_ptr<base::Reader> const> saved,
                                                     std::string_view name) {
  std::vector<std::unique_ptr<base::Reader>> groups;
  for (auto const& reader : saved) groups.push_back(reader->group(name));
  return groups;
}

[[noreturn]] void refuse(std::string what) {
  throw base::InputError("the optimizer's state", std::move(what),
                         "use a checkpoint that was saved with this deck");
}

}  // namespace

InnerOptimizer::InnerOptimizer(kernels::Exec const& exec, deck::InnerSection const& inner,
                               tensor::ParamTable const& table, tensor::Range share)
    : exec_(exec),
      inner_(inner),
      plan_(inner, table, share),
      elementwise_(plan_.elementwise, elementwise_moments(inner)),
      orthogonal_(plan_.orthogonal, {"momentum"}),
      squared_norm_("muon squared norm"),
      scratch_(kernels::make_float_buffer("muon scratch", scratch_size(plan_.matrices))) {}

InnerOptimizer::InnerOptimizer(kernels::Exec const& exec, deck::InnerSection const& inner,
                               tensor::ParamTable const& table)
    : InnerOptimizer(exec, inner, table, {0, table.size()}) {}

std::size_t InnerOptimizer::bytes_for(deck::InnerSection const& inner, tensor::ParamTable const& table,
                                      tensor::Range share) {
  UpdatePlan const plan(inner, table, share);
  return sizeof(float) * (plan.elementwise.share.size * elementwise_moments(inner).size() +
                          plan.orthogonal.share.size + scratch_size(plan.matrices));
}

void InnerOptimizer::step(Tensor1<float> params, Tensor1<float const> gradients, double lr,
                          double clip_factor) {
  ++steps_;
  Step const step{params, gradients, static_cast<float>(lr), static_cast<float>(clip_factor)};
  for (auto const& stretch : plan_.stretches) {
    inner_.optimizer == InnerOptimizerKind::sgd ? sgd(step, stretch) : adamw(step, stretch);
  }
  for (auto const& matrix : plan_.matrices) muon(step, matrix);
}

void InnerOptimizer::adamw(Step const& step, UpdatePlan::Stretch const& stretch) {
  auto const [begin, count] = stretch.range;
  auto const t = static_cast<double>(steps_);
  kernels::adamw_update(exec_, range(step.gradients, begin, count),
                        {.lr = step.lr,
                         .beta1 = static_cast<float>(inner_.betas[0]),
                         .beta2 = static_cast<float>(inner_.betas[1]),
                         .eps = adamw_eps,
                         .weight_decay = decay_of(stretch),
                         .bias_correction1 = static_cast<float>(1.0 - std::pow(inner_.betas[0], t)),
                         .bias_correction2 = static_cast<float>(1.0 - std::pow(inner_.betas[1], t)),
                         .grad_scale = step.clip_factor},
                        range(step.params, begin, count), elementwise_.range(0, stretch.place, count),
                        elementwise_.range(1, stretch.place, count));
}

void InnerOptimizer::sgd(Step const& step, UpdatePlan::Stretch const& stretch) {
  auto const [begin, count] = stretch.range;
  auto gradient = range(step.gradients, begin, count);
  kernels::SgdStep update{.lr = step.lr, .weight_decay = decay_of(stretch), .grad_scale = step.clip_factor};
  if (inner_.momentum > 0.0) {
    auto const momentum = elementwise_.range(0, stretch.place, count);
    kernels::momentum_update(exec_, gradient, {.momentum = inner_.momentum, .grad_scale = step.clip_factor},
                             momentum);
    gradient = momentum;
    update.grad_scale = 1.0;  // the momentum has it
  }
  kernels::sgd_update(exec_, gradient, update, range(step.params, begin, count));
}

void InnerOptimizer::muon(Step const& step, UpdatePlan::Matrix const& matrix) {
  auto const [begin, count] = matrix.range;
  auto const ahead = range<float>(scratch_, 0, count), direction = range<float>(scratch_, count, count);
  auto const rest = range<float>(scratch_, 2 * count, scratch_.size() - 2 * count);
  auto const as_matrix = [&](Tensor1<float> const& x) {
    return Tensor2<float>(x.data(), matrix.rows, matrix.cols);
  };
  kernels::nesterov_update(exec_, range(step.gradients, begin, count),
                           {.momentum = inner_.muon_momentum, .grad_scale = step.clip_factor},
                           orthogonal_.range(0, matrix.place, count), ahead);
  kernels::sum_of_squares(exec_, ahead, squared_norm_);
  kernels::newton_schulz(exec_, squared_norm_, as_matrix(ahead), rest, as_matrix(direction));
  kernels::sgd_update(exec_, direction,
                      {.lr = step.lr,
                       .weight_decay = inner_.weight_decay,
                       .grad_scale = muon_rms * std::sqrt(std::max(matrix.rows, matrix.cols))},
                      range(step.params, begin, count));
}

double InnerOptimizer::decay_of(UpdatePlan::Stretch const& stretch) const {
  return stretch.decays ? static_cast<float>(inner_.weight_decay) : 0.0f;
}

void InnerOptimizer::save(base::Writer& writer) const {
  exec_.fence();
  writer.write("optimizer", deck::name(inner_.optimizer));
  writer.write("steps", steps_);
  elementwise_.save(*writer.group("elementwise"));
  orthogonal_.save(*writer.group("orthogonal"));
}

void InnerOptimizer::load(std::span<std::unique_ptr<base::Reader> const> saved) {
  base::ensure(!saved.empty(), "an optimizer is loaded from at least one share");
  std::uint64_t const steps = saved.front()->read_uint("steps");
  for (auto const& reader : saved) {
    if (auto const found = reader->read_text("optimizer"); found != deck::name(inner_.optimizer)) {
      refuse(fmt::format("is of {} instead of {}", found, deck::name(inner_.optimizer)));
    }
    if (auto const found = reader->read_uint("steps"); found != steps) {
      refuse(fmt::format("is of step {} on one rank and of step {} on another", steps, found));
    }
  }
  elementwise_.load(groups_of(saved, "elementwise"));
  orthogonal_.load(groups_of(saved, "orthogonal"));
  steps_ = steps;
}

}  // namespace atl::optim
