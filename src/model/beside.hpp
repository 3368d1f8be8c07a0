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
  std::function<void()> meanwhile;  // again and again until a device has done all of it; on the host never
};

}  // namespace atl::model
