#include "train/error_feedback.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "kernels/on_host.hpp"

namespace atl::train {

namespace {

std::string group_name(int fragment) { return fmt::format("residual_{}", fragment); }

}  // namespace

ErrorFeedback::ErrorFeedback(outer::Codec codec, tensor::ParamTable const& table)
    : table_(table),
      left_(kernels::make_float_buffer("left", codec == outer::Codec::fp32 ? 0 : table.size())) {}

ErrorFeedback::Vectors ErrorFeedback::begin(int fragment) {
  if (left_.size() == 0) return {};
  base::ensure(!under_way_.contains(fragment), "one contribution of a fragment is under way at a time");
  take_room(fragment);
  return {left_of(fragment), under_way_of(fragment)};
}

void ErrorFeedback::settle(int fragment, bool advanced) {
  auto room = under_way_.extract(fragment);
  if (room.empty()) return;
  auto const left = left_of(fragment);
  if (advanced)
    Kokkos::deep_copy(kernels::Exec(), left, kernels::range<float>(room.mapped(), 0, left.size()));
  rooms_.push_back(std::move(room.mapped()));
}

void ErrorFeedback::save(base::Writer& writer) const {
  kernels::HostRoom room;
  for (int p = 0; p < table_.fragments() && left_.size() > 0; ++p) {
    auto const group = writer.group(group_name(p));
    group->write("left", kernels::read_on_host(left_of(p), room));
    group->write("is_under_way", std::uint64_t{under_way_.contains(p)});
    if (under_way_.contains(p)) group->write("under_way", kernels::read_on_host(under_way_of(p), room));
  }
}

void ErrorFeedback::load(base::Reader const& reader) {
  kernels::HostRoom room;
  for (int p = 0; p < table_.fragments() && left_.size() > 0; ++p) {
    auto const group = reader.group(group_name(p));
    kernels::change_on_host(left_of(p), room, [&](auto values) { group->read("left", values); });
    settle(p, /*advanced=*/false);
    if (group->read_uint("is_under_way") == 0) continue;
    take_room(p);
    kernels::change_on_host(under_way_of(p), room, [&](auto values) { group->read("under_way", values); });
  }
}

kernels::Tensor1<float> ErrorFeedback::left_of(int fragment) const {
  auto const range = table_.fragment(fragment);
  return kernels::range<float>(left_, range.offset, range.size);
}

kernels::Tensor1<float> ErrorFeedback::under_way_of(int fragment) const {
  return kernels::range<float>(under_way_.at(fragment), 0, table_.fragment(fragment).size);
}

void ErrorFeedback::take_room(int fragment) {
  if (rooms_.empty()) rooms_.push_back(kernels::make_float_buffer("under way", table_.largest_fragment()));
  under_way_[fragment] = std::move(rooms_.back());
  rooms_.pop_back();
}

}  // namespace atl::train
