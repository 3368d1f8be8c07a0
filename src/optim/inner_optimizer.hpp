// The optimizer of a site's own steps: AdamW or plain SGD on the flat parameter buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "kernels/buffer.hpp"
#include "tensor/param_table.hpp"

namespace atl::optim {

// AdamW as torch.optim.AdamW with eps 1e-8 (Loshchilov and Hutter, arXiv 1711.05101), or p -= lr g. In both,
// weight decay is decoupled (p *= 1 - lr weight_decay first) and spares vectors. Owns the moments, in the
// memory of exec. Local.
class InnerOptimizer {
 public:
  InnerOptimizer(kernels::Exec const& exec, deck::InnerSection const& inner, tensor::ParamTable const& table);

  // One update of `params` (flat, as the table) from clip_factor * gradients.
  // Enqueues on exec; the caller fences.
  void step(kernels::Tensor1<float> params, kernels::Tensor1<float const> gradients, double lr,
            double clip_factor);

  std::uint64_t steps() const { return steps_; }  // taken so far
  std::size_t bytes() const;                      // of the moments

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  // Neighbours in the flat buffer that decay alike.
  struct Stretch {
    tensor::Range range;
    bool decays = false;
  };

  std::vector<std::pair<char const*, kernels::FloatBuffer>> moments() const;  // by name; none for SGD

  kernels::Exec exec_;
  deck::InnerSection inner_;
  std::vector<Stretch> stretches_;
  kernels::FloatBuffer moment1_, moment2_;  // empty for SGD
  std::uint64_t steps_ = 0;
};

}  // namespace atl::optim
