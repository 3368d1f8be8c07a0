// The kernels' types, as the model's own words.
#pragma once

#include "kernels/bf16.hpp"
#include "kernels/views.hpp"

namespace atl::model {

using kernels::Bf16;
using kernels::columns;
using kernels::Exec;
using kernels::Input2;
using kernels::range;
using kernels::rows;
using kernels::Tensor1;
using kernels::Tensor2;
using kernels::Tensor3;
using kernels::Update;

// Of a packed matrix.
template <class T>
Tensor1<T> as_vector(Tensor2<T> const& x) {
  return Tensor1<T>(x.data(), x.size());
}

}  // namespace atl::model
