// The sources of kernels/cuda, compiled for the emulation.
#include "emulation.hpp"  // first
//
#include "kernels/cuda/attention_backward.cu"
#include "kernels/cuda/attention_forward.cu"
