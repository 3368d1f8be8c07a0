#include "optim/inner_optimizer.hpp"

#include <cmath>
#include <span>

#include "base/error.hpp"
#include "kernels/optimizer.hpp"

namespace atl::optim {

using kernels::range;
using kernels::Tensor1;

namespace {

constexpr float adamw_eps = 1e-8f;

}  // namespace

InnerOptimizer::InnerOptimizer(kernels::Exec const& exec, deck::InnerSection const& inner,
                               tensor::ParamTable const& table)
    : exec_(exec), inner_(inner) {
  for (int p = 0; p < table.fragments(); ++p) {
    for (tensor::Tensor const* tensor : table.tensors_of(p)) {
      bool const decays = tensor->kind != tensor::Kind::vector;
      if (!stretches_.empty() && stretches_.back().decays == decays) {
        stretches_.back().range.size += tensor->size();
      } else {
        stretches_.push_back({tensor->range, decays});
      }
    }
  }
  if (inner_.optimizer == deck::InnerOptimizerKind::adamw) {
    moment1_ = kernels::make_float_buffer("adamw moment 1", table.size());
    moment2_ = kernels::make_float_buffer("adamw moment 2", table.size());
  }
}

void InnerOptimizer::step(Tensor1<float> params, Tensor1<float const> gradients, double lr,
                          double clip_factor) {
  ++steps_;
  auto const t = static_cast<double>(steps_);
  auto const rate = static_cast<float>(lr), grad_scale = static_cast<float>(clip_factor);
  kernels::AdamwStep const adamw{.lr = rate,
                                 .beta1 = static_cast<float>(inner_.betas[0]),
                                 .beta2 = static_cast<float>(inner_.betas[1]),
                                 .eps = adamw_eps,
                                 .bias_correction1 = static_cast<float>(1.0 - std::pow(inner_.betas[0], t)),
                                 .bias_correction2 = static_cast<float>(1.0 - std::pow(inner_.betas[1], t)),
                                 .grad_scale = grad_scale};
  for (auto const& [where, decays] : stretches_) {
    float const weight_decay = decays ? static_cast<float>(inner_.weight_decay) : 0.0f;
    auto const param = range(params, where.offset, where.size);
    auto const grad = range(gradients, where.offset, where.size);
    if (inner_.optimizer == deck::InnerOptimizerKind::sgd) {
      kernels::sgd_update(exec_, grad, {.lr = rate, .weight_decay = weight_decay, .grad_scale = grad_scale},
                          param);
      continue;
    }
    kernels::AdamwStep here = adamw;
    here.weight_decay = weight_decay;
    kernels::adamw_update(exec_, grad, here, param, range<float>(moment1_, where.offset, where.size),
                          range<float>(moment2_, where.offset, where.size));
  }
}

std::vector<std::pair<char const*, kernels::FloatBuffer>> InnerOptimizer::moments() const {
  if (moment1_.size() == 0) return {};
  return {{"moment1", moment1_}, {"moment2", moment2_}};
}

std::size_t InnerOptimizer::bytes() const { return (moment1_.size() + moment2_.size()) * sizeof(float); }

void InnerOptimizer::save(base::Writer& writer) const {
  exec_.fence();
  writer.write("steps", steps_);
  for (auto const& [name, buffer] : moments()) {
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), buffer);
    writer.write(name, std::span<float const>(host.data(), host.size()));
  }
}

void InnerOptimizer::load(base::Reader const& reader) {
  steps_ = reader.read_uint("steps");
  for (auto const& [name, buffer] : moments()) {
    auto const host = Kokkos::create_mirror_view(buffer);
    reader.read(name, std::span<float>(host.data(), host.size()));
    Kokkos::deep_copy(buffer, host);
  }
}

}  // namespace atl::optim
