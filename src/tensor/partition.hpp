// How tensors are dealt to fragments.
#pragma once

#include <span>
#include <vector>

#include "tensor/param_table.hpp"

namespace atl::tensor {

// Balanced tensor fragmentation (Decoupled DiLoCo; greedy bin packing): the largest tensor first, into the
// smallest fragment; ties by index. Returns the fragment of each tensor. Throws InputError where there are
// more fragments than tensors: `outer.fragments` is at fault.
std::vector<int> partition_balanced(std::span<TensorSpec const> specs, int fragments);

}  // namespace atl::tensor
