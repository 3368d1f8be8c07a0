// The model's parameters in a checkpoint: one value for each tensor, by name, whatever the fragments and
// shards were.
#pragma once

#include <span>
#include <vector>

#include "base/archive.hpp"
#include "tensor/param_table.hpp"

namespace atl::train {

// `values`: the part of the flat buffer that begins at `offset` and holds all of `tensors`.
void save_tensors(base::Writer& model, std::span<tensor::Tensor const* const> tensors, std::size_t offset,
                  std::span<float const> values);
void load_tensors(base::Reader const& model, std::span<tensor::Tensor const* const> tensors,
                  std::size_t offset, std::span<float> values);

}  // namespace atl::train
