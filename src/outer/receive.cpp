#include "outer/receive.hpp"

#include "base/error.hpp"

namespace atl::outer {

void rebase(std::span<float> theta, std::span<float const> reference, std::span<float const> release) {
  base::ensure(reference.size() == theta.size() && release.size() == theta.size(),
               "a rebase needs vectors of one size");
  float* const local = theta.data();
  float const* const from = reference.data();
  float const* const to = release.data();
  for (std::size_t i = 0; i < theta.size(); ++i) local[i] = to[i] + (local[i] - from[i]);
}

void blend(std::span<float> theta, std::span<float const> release, double alpha) {
  base::ensure(release.size() == theta.size(), "a blend needs vectors of one size");
  float* const local = theta.data();
  float const* const to = release.data();
  for (std::size_t i = 0; i < theta.size(); ++i) {
    local[i] = static_cast<float>(alpha * local[i] + (1.0 - alpha) * to[i]);
  }
}

}  // namespace atl::outer
