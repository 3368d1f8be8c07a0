#include "train/replica.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "outer/codec.hpp"
#include "outer/receive.hpp"

namespace atl::train {

namespace {

std::span<float> slice(kernels::FloatBuffer const& buffer, tensor::Range range) {
  return {buffer.data() + range.offset, range.size};
}

std::string residual_name(std::size_t fragment) { return fmt::format("residual_{}", fragment); }

}  // namespace

Replica::Replica(RunPlan const& plan, comm::Communicator const& site)
    : plan_(plan),
      theta_(kernels::make_float_buffer("theta", plan.table.size())),
      spread_(site, update_shares(plan, site.size())),
      gradients_(kernels::make_float_buffer("gradients", plan.table.size())),
      base_(kernels::make_float_buffer("base", has_outer_exchange(plan.config) ? plan.table.size() : 0)),
      snapshots_(base_.size() > 0 && plan.outer.receive == deck::Receive::rebase ? plan.table.size() : 0) {
  if (site.rank() != 0 || base_.size() == 0) return;
  for (int p = 0; p < plan.table.fragments(); ++p)
    residuals_.emplace_back(plan.codec, plan.table.fragment(p).size);
}

kernels::Tensor1<float> Replica::parameters() const {
  spread_.finish();
  return theta_;
}

void Replica::spread(std::vector<comm::Part> const& in_order) {
  spread_.begin({theta_.data(), theta_.size()}, in_order);
}

kernels::Tensor1<float const> Replica::outer_parameters() const {
  return base_.size() > 0 ? kernels::Tensor1<float const>(base_) : parameters();
}

void Replica::adopt(int fragment, std::span<std::byte const> bytes, protocol::AdoptRule rule) {
  auto const range = plan_.table.fragment(fragment);
  auto const release = outer::decoded(plan_.release_codec, bytes, range.size, room_);
  auto const theta = theta_of(range);
  auto const base = slice(base_, range);
  switch (rule) {
    case protocol::AdoptRule::overwrite:
      std::ranges::copy(release, theta.begin());
      break;
    case protocol::AdoptRule::blend:
      outer::blend(theta, release, plan_.outer.blend);
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

std::vector<std::byte> Replica::outer_gradient(int fragment) {
  auto const range = plan_.table.fragment(fragment);
  std::vector<float> delta(range.size);
  outer::difference(slice(base_, range), theta_of(range), delta);
  return residuals_.at(static_cast<std::size_t>(fragment)).encode(delta);
}

void Replica::settle(int fragment, bool advanced) {
  if (!residuals_.empty()) residuals_.at(static_cast<std::size_t>(fragment)).settle(advanced);
}

void Replica::take_snapshot(int fragment) {
  if (snapshots_.empty()) return;
  auto const range = plan_.table.fragment(fragment);
  std::ranges::copy(theta_of(range), snapshot_of(range).begin());
}

std::span<float> Replica::theta_of(tensor::Range range) const {
  return {parameters().data() + range.offset, range.size};
}

std::span<float> Replica::snapshot_of(tensor::Range range) {
  return std::span(snapshots_).subspan(range.offset, range.size);
}

void Replica::save(base::Writer& writer) const {
  writer.write_standing("theta", std::span<float const>(parameters().data(), theta_.size()));
  writer.write_standing("base", std::span<float const>(base_.data(), base_.size()));
  if (!snapshots_.empty()) writer.write_standing("snapshots", std::span<float const>(snapshots_));
  for (std::size_t p = 0; p < residuals_.size(); ++p) residuals_[p].save(*writer.group(residual_name(p)));
}

void Replica::load(base::Reader const& reader) {
  reader.read("theta", std::span(parameters().data(), theta_.size()));
  reader.read("base", std::span(base_.data(), base_.size()));
  if (!snapshots_.empty()) reader.read("snapshots", std::span(snapshots_));
  for (std::size_t p = 0; p < residuals_.size(); ++p) residuals_[p].load(*reader.group(residual_name(p)));
}

}  // namespace atl::train
