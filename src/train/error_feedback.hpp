// What codecs left out of a site's contributions: outer::Residual for all fragments, where the parameters
// lie.
#pragma once

#include <map>
#include <vector>

#include "base/archive.hpp"
#include "kernels/buffer.hpp"
#include "outer/codec.hpp"
#include "tensor/param_table.hpp"

namespace atl::train {

class ErrorFeedback {
 public:
  // fp32 leaves nothing over: then there is no memory, and all vectors are empty.
  ErrorFeedback(outer::Codec codec, tensor::ParamTable const& table);

  // For the contribution of a fragment that is coded now: what is left over so far, and room for what will
  // be. One of a fragment is under way at a time.
  struct Vectors {
    kernels::Tensor1<float const> left;
    kernels::Tensor1<float> under_way;
  };
  Vectors begin(int fragment);
  // `advanced`: it was merged or carried, and what is under way takes the place of what was left.
  void settle(int fragment, bool advanced);

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  kernels::Tensor1<float> left_of(int fragment) const;
  kernels::Tensor1<float> under_way_of(int fragment) const;
  void take_room(int fragment);

  tensor::ParamTable const& table_;
  kernels::FloatBuffer left_;                      // flat, as the table; empty with fp32
  std::map<int, kernels::FloatBuffer> under_way_;  // by fragment
  std::vector<kernels::FloatBuffer> rooms_;        // for more; each has room for any fragment
};

}  // namespace atl::train
