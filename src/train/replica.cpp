#include "train/replica.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "outer/codec.hpp"
#include "outer/receive.hpp"

namespace atl::train {

namespace {

std::string residual_name(std::size_t fragment) { return fmt::format("residual_{}", fragment); }

}  // namespace

Replica::Replica(RunPlan const& plan, comm::Communicator const& site)
    : plan_(plan),
      theta_(kernels::make_float_buffer("theta", plan.table.size())),
      spread_(site, update_shares(plan, site.size())),
      gradients_(kernels::make_float_buffer("gradients", plan.table.size())),
      base_(kernels::make_host_buffer("base", has_outer_exchange(plan.config) ? plan.table.size() : 0)),
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
  if constexpr (travels_beside_passes) {
    spread_.begin({theta_.data(), theta_.size()}, in_order);
  } else {
    change({0, theta_.size()}, [&](std::span<float> theta) {
      spread_.begin(theta, in_order);
      spread_.finish();
    });
  }
}

kernels::FloatBuffer Replica::outer_parameters() const {
  if (base_.size() > 0) return Kokkos::create_mirror_view_and_copy(kernels::ExecMemory(), base_);
  spread_.finish();
  return theta_;
}

std::span<float const> Replica::outer_values(tensor::Range range) const {
  return base_.size() > 0 ? base_of(range) : theta_of(range);
}

void Replica::adopt(int fragment, std::span<std::byte const> bytes, protocol::AdoptRule rule) {
  auto const range = plan_.table.fragment(fragment);
  auto const release = outer::decoded(plan_.release_codec, bytes, range.size, decoded_);
  auto const base = base_of(range);
  switch (rule) {
    case protocol::AdoptRule::overwrite:
      kernels::write_from_host(release, range_of(parameters(), range));
      break;
    case protocol::AdoptRule::blend:
      change(range, [&](auto theta) { outer::blend(theta, release, plan_.outer.blend); });
      break;
    case protocol::AdoptRule::rebase_on_snapshot:
      change(range, [&](auto theta) { outer::rebase(theta, snapshot_of(range), release); });
      break;
    case protocol::AdoptRule::rebase_on_base:
      change(range, [&](auto theta) { outer::rebase(theta, base, release); });
      outer::rebase(snapshot_of(range), base, release);  // its fate may still be `merged`
      break;
  }
  std::ranges::copy(release, base.begin());
}

std::vector<std::byte> Replica::outer_gradient(int fragment) {
  auto const range = plan_.table.fragment(fragment);
  std::vector<float> delta(range.size);
  outer::difference(base_of(range), theta_of(range), delta);
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

std::span<float const> Replica::theta_of(tensor::Range range) const {
  return kernels::read_on_host(range_of(parameters(), range), room_);
}

std::span<float> Replica::base_of(tensor::Range range) const {
  return {base_.data() + range.offset, range.size};
}

std::span<float> Replica::snapshot_of(tensor::Range range) {
  return std::span(snapshots_).subspan(range.offset, range.size);
}

void Replica::save(base::Writer& writer) const {
  writer.write_as_they_are("theta", values(), kernels::is_host_memory);
  writer.write_standing("base", std::span<float const>(base_.data(), base_.size()));
  if (!snapshots_.empty()) writer.write_standing("snapshots", std::span<float const>(snapshots_));
  for (std::size_t p = 0; p < residuals_.size(); ++p) residuals_[p].save(*writer.group(residual_name(p)));
}

void Replica::load(base::Reader const& reader) {
  change({0, theta_.size()}, [&](auto theta) { reader.read("theta", theta); });
  reader.read("base", std::span(base_.data(), base_.size()));
  if (!snapshots_.empty()) reader.read("snapshots", std::span(snapshots_));
  for (std::size_t p = 0; p < residuals_.size(); ++p) residuals_[p].load(*reader.group(residual_name(p)));
}

}  // namespace atl::train
