// How a site's parameters change when it adopts a release (PROTOCOL.md §1). `overwrite` is a copy.
#pragma once

#include <span>

namespace atl::outer {

// One number of what follows.
constexpr float rebased(float theta, float reference, float release) { return release + (theta - reference); }
constexpr float blended(float theta, float release, double alpha) {
  return static_cast<float>(alpha * theta + (1.0 - alpha) * release);
}

// theta <- release + (theta - reference): what was trained since `reference` is kept on top of the release.
// All of one size.
void rebase(std::span<float> theta, std::span<float const> reference, std::span<float const> release);

// theta <- alpha theta + (1 - alpha) release (Streaming DiLoCo, Eq. 2). Both of one size; exactly the release
// with alpha = 0.
void blend(std::span<float> theta, std::span<float const> release, double alpha);

}  // namespace atl::outer
