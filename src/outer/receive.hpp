// How a site's parameters change when it adopts a release (PROTOCOL.md §1). `overwrite` is a copy.
#pragma once

#include <span>

namespace atl::outer {

// theta <- release + (theta - reference): what was trained since `reference` is kept on top of the release.
// All of one size.
void rebase(std::span<float> theta, std::span<float const> reference, std::span<float const> release);

// theta <- alpha theta + (1 - alpha) release (Streaming DiLoCo, Eq. 2). Both of one size; exactly the release
// with alpha = 0.
void blend(std::span<float> theta, std::span<float const> release, double alpha);

}  // namespace atl::outer
