#include "train/replica.hpp"

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "outer/codec.hpp"
#include "outer/receive.hpp"

namespace atl::train {

namespace {

std::span<float> slice(kernels::FloatBuffer const& buffer, tensor::Range range) {
  return {buffer.data() + range.offset, range.size};
}

}  // namespace

Replica::Replica(tensor::ParamTable const& table, bool keeps_base, bool keeps_snapshots)
    : table_(table),
      theta_(kernels::make_float_buffer("theta", table.size())),
      gradients_(kernels::make_float_buffer("gradients", table.size())),
      base_(kernels::make_float_buffer("base", keeps_base ? table.size() : 0)),
      snapshots_(keeps_snapshots ? table.size() : 0) {}

kernels::Tensor1<float const> Replica::outer_parameters() const { return base_.size() > 0 ? base_ : theta_; }

void Replica::adopt(int fragment, std::span<float const> release, protocol::AdoptRule rule) {
  auto const range = table_.fragment(fragment);
  base::ensure(release.size() == range.size, "a release has the size of its fragment");
  auto const theta = slice(theta_, range);
  auto const base = slice(base_, range);
  switch (rule) {
    case protocol::AdoptRule::overwrite:
      std::ranges::copy(release, theta.begin());
      break;
    case protocol::AdoptRule::rebase_on_snapshot:
      outer::rebase(theta, snapshot_of(range), release);
      break;
    case protocol::AdoptRule::rebase_on_base:
      outer::rebase(theta, base, release);
      outer::rebase(snapshot_of(range), base, release);  // its fate may still be `merged`
      break;
  }
  std::ranges::copy(release, base.begin());
}

transport::Payload Replica::outer_gradient(int fragment) const {
  auto const range = table_.fragment(fragment);
  auto delta = std::make_shared<std::vector<float>>(range.size);
  outer::difference(slice(base_, range), slice(theta_, range), *delta);
  return delta;
}

void Replica::take_snapshot(int fragment) {
  if (snapshots_.empty()) return;
  auto const range = table_.fragment(fragment);
  std::ranges::copy(slice(theta_, range), snapshot_of(range).begin());
}

std::span<float> Replica::snapshot_of(tensor::Range range) {
  return std::span(snapshots_).subspan(range.offset, range.size);
}

void Replica::save(base::Writer& writer) const {
  writer.write("theta", std::span<float const>(theta_.data(), theta_.size()));
  if (base_.size() > 0) writer.write("base", std::span<float const>(base_.data(), base_.size()));
}

void Replica::load(base::Reader const& reader) {
  reader.read("theta", std::span(theta_.data(), theta_.size()));
  if (base_.size() > 0) reader.read("base", std::span(base_.data(), base_.size()));
}

}  // namespace atl::train
