// The kernels' types, as the model's own words.
#pragma once

#include "kernels/views.hpp"

namespace atl::model {

using kernels::columns;
using kernels::Exec;
using kernels::range;
using kernels::rows;
using kernels::Tensor1;
using kernels::Tensor2;
using kernels::Tensor3;
using kernels::Update;

}  // namespace atl::model
