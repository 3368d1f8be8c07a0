// What a contribution's payload holds: the outer gradient, as fp32 numbers.
#pragma once

#include <span>

namespace atl::outer {

// out = base - theta: the way from where the site is back to where it started. All of one size.
void difference(std::span<float const> base, std::span<float const> theta, std::span<float> out);

// False where a value is NaN or infinite.
bool is_finite(std::span<float const> values);

}  // namespace atl::outer
