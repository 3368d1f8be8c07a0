#include "outer/receive.hpp"

#include "base/error.hpp"

namespace atl::outer {

void rebase(std::span<float> theta, std::span<float const> reference, std::span<float const> release) {
  base::ensure(reference.size() == theta.size() && release.size() == theta.size(),
               "a rebase needs vectors of one size");
  float* const local = theta.data();
  float const* const from = reference.data();
  float const* const to = release.data();
  for (std::size_t i = 0; i < theta.size(); ++i) local[i] = rebased(local[i], from[i], to[i]);
}

void blend(std::span<float> theta, std::span<float const> release, double alpha) {
  base::ensure(release.size() == theta.size(), "a blend needs vectors of one size");
  float* const local = theta.data();
  float const* const to = release.data();
  for (std::size_t i = 0; i < theta.size(); ++i) local[i] = blended(local[i], to[i], alpha);
}

}  // namespace atl::outer
