#include "optim/inner_optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.hpp"
#include "kernels/optimizer.hpp"

namespace atoll::optim {

using kernels::range;
using kernels::Tensor1;

namespace {

constexpr float adamw_eps = 1e-8f;

std::vector<float> on_host(kernels::FloatBuffer const& buffer) {
  std::vector<float> values(buffer.size());
  Kokkos::View<float*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>> const host(values.data(),
                                                                                             values.size());
  Kokkos::deep_copy(host, buffer);
  return values;
}

void from_host(std::vector<float> const& values, kernels::FloatBuffer const& buffer) {
  Kokkos::View<float const*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>> const host(values.data(),
                                                                                                   values.size());
  Kokkos::deep_copy(buffer, host);
}

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

void InnerOptimizer::step(Tensor1<float> params, Tensor1<float const> gradients, double lr, double clip_factor) {
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
      kernels::sgd_update(exec_, grad, {.lr = rate, .weight_decay = weight_decay, .grad_scale = grad_scale}, param);
      continue;
    }
    kernels::AdamwStep here = adamw;
    here.weight_decay = weight_decay;
    kernels::adamw_update(exec_, grad, here, param, range<float>(moment1_, where.offset, where.size),
                          range<float>(moment2_, where.offset, where.size));
  }
}

std::size_t InnerOptimizer::bytes() const { return (moment1_.size() + moment2_.size()) * sizeof(float); }

void InnerOptimizer::save(base::Writer& writer) const {
  exec_.fence();
  writer.write("steps", steps_);
  if (moment1_.size() == 0) return;
  writer.write("moment1", on_host(moment1_));
  writer.write("moment2", on_host(moment2_));
}

void InnerOptimizer::load(base::Reader const& reader) {
  steps_ = reader.read_uint("steps");
  for (auto const& [name, buffer] : {std::pair{"moment1", moment1_}, std::pair{"moment2", moment2_}}) {
    if (buffer.size() == 0) continue;
    std::vector<float> values(buffer.size());
    reader.read(name, values);
    from_host(values, buffer);
  }
}

}  // namespace atoll::optim
