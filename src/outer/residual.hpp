// Error feedback of one fragment at its site: what a codec left out of a contribution goes into the next.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/archive.hpp"
#include "outer/codec.hpp"

namespace atl::outer {

// With r left over so far, delta is sent as coded = enc(delta + r) and leaves r' = delta + r - dec(coded).
// Whether r' takes the place of r is known when the fate of the contribution is: one is under way at a time.
// fp32 leaves nothing over and keeps nothing.
class Residual {
 public:
  // `size`: elements of the fragment.
  Residual(Codec codec, std::size_t size);

  // What to send for `delta`. Values of r' that are not finite become 0.
  std::vector<std::byte> encode(std::span<float const> delta);
  // `advanced`: the contribution was merged or carried; else r stands. Without one under way: nothing.
  void settle(bool advanced);

  std::span<float const> left() const { return left_; }            // r
  std::span<float const> under_way() const { return under_way_; }  // r'

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  Codec codec_;
  std::size_t size_;
  std::vector<float> left_;       // r; empty with fp32
  std::vector<float> under_way_;  // r'; empty where no contribution is
};

}  // namespace atl::outer
