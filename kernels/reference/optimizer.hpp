// Twin of kernels/optimizer.hpp.
#pragma once

#include "kernels/optimizer.hpp"
#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

struct AdamwState {
  Values param, moment1, moment2;
};
void adamw_update(Input grad, AdamwStep const& step, AdamwState& state);

void sgd_update(Input grad, SgdStep const& step, Values& param);

void momentum_update(Input grad, MomentumStep const& step, Values& buffer);
Values nesterov_update(Input grad, MomentumStep const& step, Values& buffer);  // returns `ahead`

}  // namespace atl::kernels::reference
