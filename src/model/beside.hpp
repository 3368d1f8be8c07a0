// What the caller does beside a pass: bring parameters before they are read, take gradients once they are
// final, and what else there is to do while a device computes.
#pragma once

#include <functional>

#include "tensor/param_table.hpp"

namespace atl::model {

// Asked for ranges of the flat parameters before they are read: each element once, in an order that depends
// on the model alone.
using ParametersNeeded = std::function<void(tensor::Range)>;

// Told of ranges of the flat gradient buffer that will not change any more, likewise. They are final in the
// order of exec: fence before reading them elsewhere.
using GradientsReady = std::function<void(tensor::Range)>;

// Any may be empty.
struct Beside {
  ParametersNeeded needed;
  GradientsReady ready;
  // After each pass that a device was told, and again and again until it has done all; on the host never.
  std::function<void()> meanwhile;
};

}  // namespace atl::model
