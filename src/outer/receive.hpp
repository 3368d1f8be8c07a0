// How a site's parameters change when it adopts a release (PROTOCOL.md §1). `overwrite` is a copy.
#pragma once

#include <span>

namespace atl::outer {

// theta <- release + (theta - reference): what was trained since `reference` is kept on top of the release.
// All of one size.
void rebase(std::span<float> theta, std::span<float const> reference, std::span<float const> release);

}  // namespace atl::outer
