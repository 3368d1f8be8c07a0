#include "train/replica.hpp"

#include "kernels/exchange.hpp"
#include "outer/codec.hpp"

namespace atl::train {

Replica::Replica(RunPlan const& plan, comm::Communicator const& site)
    : plan_(plan),
      theta_(kernels::make_float_buffer("theta", plan.table.size())),
      spread_(site, update_shares(plan, site.size())),
      gradients_(kernels::make_float_buffer("gradients", plan.table.size())),
      base_(kernels::make_float_buffer("base", has_outer_exchange(plan.config) ? plan.table.size() : 0)),
      snapshots_(kernels::make_float_buffer("snapshots",
                                            plan.outer.receive == deck::Receive::rebase ? base_.size() : 0)) {
  if (site.rank() == 0 && base_.size() > 0) left_over_.emplace(plan.codec, plan.table);
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

kernels::Tensor1<float const> Replica::outer_parameters() const {
  return base_.size() > 0 ? kernels::Tensor1<float>(base_) : parameters();
}

std::span<float const> Replica::outer_values(tensor::Range range) const {
  auto const from = base_.size() > 0 ? kernels::Tensor1<float>(base_) : parameters();
  return kernels::read_on_host(range_of(from, range), room_);
}

void Replica::adopt(int fragment, kernels::Tensor1<std::byte const> bytes, protocol::AdoptRule rule) {
  auto const range = plan_.table.fragment(fragment);
  kernels::Exec const exec;
  kernels::Released const release{plan_.release_codec, bytes};
  auto const theta = range_of(parameters(), range), base = range_of(base_, range);
  auto const snapshot = snapshots_.size() > 0 ? range_of(snapshots_, range) : kernels::Tensor1<float>();
  switch (rule) {
    case protocol::AdoptRule::overwrite:
      return kernels::overwrite(exec, release, theta, base);
    case protocol::AdoptRule::blend:
      return kernels::blend(exec, release, plan_.outer.blend, theta, base);
    case protocol::AdoptRule::rebase_on_snapshot:
      return kernels::rebase(exec, release, snapshot, theta, {}, base);
    case protocol::AdoptRule::rebase_on_base:  // the snapshot's fate may still be `merged`
      return kernels::rebase(exec, release, base, theta, snapshot, base);
  }
}

void Replica::outer_gradient(int fragment, kernels::Staging& out) {
  auto const range = plan_.table.fragment(fragment);
  kernels::Exec const exec;
  auto const [left, under_way] = left_over_.value().begin(fragment);
  kernels::code(exec, plan_.codec, {range_of(base_, range), range_of(parameters(), range), left, under_way},
                out.room(outer::encoded_bytes(plan_.codec, range.size)));
  out.leave(exec);
}

void Replica::settle(int fragment, bool advanced) {
  if (left_over_) left_over_->settle(fragment, advanced);
}

void Replica::take_snapshot(int fragment) {
  if (snapshots_.size() == 0) return;
  auto const range = plan_.table.fragment(fragment);
  Kokkos::deep_copy(kernels::Exec(), range_of(snapshots_, range), range_of(parameters(), range));
}

void Replica::save(base::Writer& writer) const {
  auto const write = [&](char const* name, kernels::Tensor1<float const> const& vector) {
    writer.write_as_they_are(name, kernels::read_on_host(vector, room_), kernels::is_host_memory);
  };
  write("theta", parameters());
  write("base", base_);
  if (snapshots_.size() > 0) write("snapshots", snapshots_);
  if (left_over_) left_over_->save(writer);
}

void Replica::load(base::Reader const& reader) {
  auto const read = [&](char const* name, kernels::Tensor1<float> const& vector) {
    kernels::change_on_host(vector, room_, [&](auto values) { reader.read(name, values); });
  };
  read("theta", parameters());
  read("base", base_);
  if (snapshots_.size() > 0) read("snapshots", snapshots_);
  if (left_over_) left_over_->load(reader);
}

}  // namespace atl::train
