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

// Strided layers (Streaming DiLoCo): layer l into fragment l mod P, so that each fragment holds layers of
// every depth. What comes before the layers goes to the first fragment, what follows them to the last. Throws
// InputError where there are more fragments than layers: `outer.fragments` is at fault.
std::vector<int> partition_strided(std::span<TensorSpec const> specs, int fragments);

// All tensors in one fragment (DiLoCo).
std::vector<int> partition_whole(std::span<TensorSpec const> specs);

}  // namespace atl::tensor
