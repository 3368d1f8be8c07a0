// The learning rate of the inner optimizer, step by step.
#pragma once

#include <cstdint>

#include "deck/config.hpp"

namespace atl::optim {

// The rate of step 1, 2, ... of a run of `total_steps`. It rises linearly to `lr` over `warmup_steps`; then
// it stays (`constant`), falls to `min_lr_ratio * lr` at the last step along a line or half a cosine
// (`linear`, `cosine`), or stays and falls along a line in the last `decay_fraction` of the run (`wsd`).
// Steps after the last have the rate of the last.
double learning_rate(deck::InnerSection const& inner, std::uint64_t total_steps, std::uint64_t step);

}  // namespace atl::optim
