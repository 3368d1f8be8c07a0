// What an optimizer remembers from step to step, cut into the shares of a site's ranks.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "kernels/on_host.hpp"
#include "tensor/param_table.hpp"

namespace atl::optim {

// Named vectors of equal length, of which this rank keeps the elements of `share`. Places are counted over
// all ranks, so a share can be loaded from the shares of any number of ranks.
class Moments {
 public:
  struct Extent {
    std::size_t size = 0;  // over all ranks
    tensor::Range share;   // this rank's
  };

  Moments(Extent extent, std::vector<std::string> names);

  // Elements [place, place + count) of the i-th vector, all of them in the share.
  kernels::Tensor1<float> range(std::size_t i, std::size_t place, std::size_t count) const;

  void save(base::Writer& writer) const;
  // From what all ranks saved, in any order. Throws InputError where that was of another size, leaves a gap
  // or overlaps. Allocates no more than the longest share.
  void load(std::span<std::unique_ptr<base::Reader> const> saved);

 private:
  Extent extent_;
  std::vector<std::string> names_;
  std::vector<kernels::FloatBuffer> vectors_;
  mutable kernels::HostRoom room_;
};

}  // namespace atl::optim
