// The optimizer of a site's own steps: AdamW, SGD or Muon on the flat parameter buffer, or on a share of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "kernels/buffer.hpp"
#include "optim/moments.hpp"
#include "optim/update_plan.hpp"
#include "tensor/param_table.hpp"

namespace atl::optim {

// AdamW: as torch.optim.AdamW with eps 1e-8 (Loshchilov and Hutter, arXiv 1711.05101).
// SGD: b = momentum b + g, p -= lr b, as torch.optim.SGD; without momentum p -= lr g.
// Muon (Jordan et al. 2024), for the matrices of the layers: Nesterov momentum, made orthogonal by
// Newton-Schulz and scaled by 0.2 sqrt(max(rows, cols)), so that AdamW's rate and decay carry over (Liu et
// al., arXiv 2502.16982). All else goes by AdamW.
// In all three, weight decay is decoupled (p *= 1 - lr weight_decay first) and spares vectors.
//
// Owns the moments of its share and scratch memory, in the memory of exec. Whatever the shares, the same
// bits come out. Local.
class InnerOptimizer {
 public:
  // `share` is one of optimizer_shares(); without it, the whole buffer.
  InnerOptimizer(kernels::Exec const& exec, deck::InnerSection const& inner, tensor::ParamTable const& table,
                 tensor::Range share);
  InnerOptimizer(kernels::Exec const& exec, deck::InnerSection const& inner, tensor::ParamTable const& table);

  // What such an optimizer holds: moments and scratch memory.
  static std::size_t bytes_for(deck::InnerSection const& inner, tensor::ParamTable const& table,
                               tensor::Range share);

  // One update of the share from clip_factor * gradients. Both vectors are flat, as the table; of neither is
  // anything touched outside the share. Enqueues on exec; the caller fences.
  void step(kernels::Tensor1<float> params, kernels::Tensor1<float const> gradients, double lr,
            double clip_factor);

  std::uint64_t steps() const { return steps_; }  // taken so far

  void save(base::Writer& writer) const;
  // From what every rank of a site saved, in any order and number: their shares need not be today's. Throws
  // InputError where they are of another optimizer or step, or do not cover the parameters.
  void load(std::span<std::unique_ptr<base::Reader> const> saved);

 private:
  struct Step {
    kernels::Tensor1<float> params;
    kernels::Tensor1<float const> gradients;
    float lr = 0.0f;
    float clip_factor = 1.0f;
  };
  void adamw(Step const& step, UpdatePlan::Stretch const& stretch);
  void sgd(Step const& step, UpdatePlan::Stretch const& stretch);
  void muon(Step const& step, UpdatePlan::Matrix const& matrix);
  double decay_of(UpdatePlan::Stretch const& stretch) const;

  kernels::Exec exec_;
  deck::InnerSection inner_;
  UpdatePlan plan_;
  Moments elementwise_;
  Moments orthogonal_;  // the momentum of Muon's matrices; without them empty
  Kokkos::View<double, kernels::ExecMemory> squared_norm_;
  kernels::FloatBuffer scratch_;  // for the largest of those matrices
  std::uint64_t steps_ = 0;
};

}  // namespace atl::optim
