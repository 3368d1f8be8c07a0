#include "outer/residual.hpp"

#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace atl::outer {

Residual::Residual(Codec codec, std::size_t size)
    : codec_(codec), size_(size), left_(codec == Codec::fp32 ? 0 : size) {}

std::vector<std::byte> Residual::encode(std::span<float const> delta) {
  base::ensure(delta.size() == size_, "a contribution is the whole fragment");
  if (left_.empty()) return outer::encode(codec_, delta);
  base::ensure(under_way_.empty(), "one contribution of a fragment is under way at a time");

  std::vector<float> wanted(size_);
  for (std::size_t i = 0; i < size_; ++i) wanted[i] = delta[i] + left_[i];
  auto coded = outer::encode(codec_, wanted);
  under_way_.resize(size_);
  decode(codec_, coded, under_way_);
  for (std::size_t i = 0; i < size_; ++i) {
    float const error = wanted[i] - under_way_[i];
    under_way_[i] = std::isfinite(error) ? error : 0.0f;
  }
  return coded;
}

void Residual::settle(bool advanced) {
  auto error = std::exchange(under_way_, {});
  if (advanced && !error.empty()) left_ = std::move(error);
}

void Residual::save(base::Writer& writer) const {
  if (left_.empty()) return;
  writer.write("left", std::span<float const>(left_));
  writer.write("is_under_way", std::uint64_t{!under_way_.empty()});
  if (!under_way_.empty()) writer.write("under_way", std::span<float const>(under_way_));
}

void Residual::load(base::Reader const& reader) {
  if (left_.empty()) return;
  reader.read("left", std::span(left_));
  under_way_.resize(reader.read_uint("is_under_way") == 0 ? 0 : size_);
  if (!under_way_.empty()) reader.read("under_way", std::span(under_way_));
}

}  // namespace atl::outer
