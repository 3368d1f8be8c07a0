#include "comm/nccl/gpu_shares.hpp"

#include <utility>

namespace atl::comm {

namespace {

bool overlap(Part a, Part b) { return a.offset < b.offset + b.size && b.offset < a.offset + a.size; }

// visit(rank, part) for what of `part` each rank owns.
template <class Visit>
void for_each_owner(Shares const& shares, Part part, Visit&& visit) {
  for (int rank = 0; rank < shares.ranks(); ++rank) {
    if (Part const own = shares.of(rank, part); own.size > 0) visit(rank, own);
  }
}

}  // namespace

GpuShareSum::GpuShareSum(Communicator const& comm, Shares shares, cudaStream_t compute)
    : comm_(comm), shares_(std::move(shares)), compute_(compute) {}

void GpuShareSum::begin(std::span<float> values) {
  values_ = values;
  if (comm_.size() > 1 && !site_) site_ = std::make_unique<GpuSite>(comm_);
}

void GpuShareSum::ready(Part part) {
  if (!site_) return;
  computed_.record(compute_);
  computed_.hold_back(site_->stream());
  site_->together([&] {
    for_each_owner(shares_, part, [&](int owner, Part own) {
      float* const values = values_.data() + own.offset;
      site_->reduce(values, values, own.size, owner);
    });
  });
}

void GpuShareSum::finish() {
  if (!site_) return;
  summed_.record(site_->stream());
  summed_.hold_back(compute_);
  site_->check();
}

GpuShareSpread::GpuShareSpread(Communicator const& comm, Shares shares, cudaStream_t compute)
    : comm_(comm), shares_(std::move(shares)), compute_(compute) {}

void GpuShareSpread::begin(std::span<float> values, std::vector<Part> const& in_order) {
  if (comm_.size() == 1) return;
  if (!site_) site_ = std::make_unique<GpuSite>(comm_);
  updated_.record(compute_);
  updated_.hold_back(site_->stream());
  for (Part const part : in_order) {
    site_->together([&] {
      for_each_owner(shares_, part, [&](int owner, Part own) {
        site_->broadcast(values.data() + own.offset, own.size, owner);
      });
    });
    coming_.push_back({part, {}});
    coming_.back().is_there.record(site_->stream());
  }
}

void GpuShareSpread::wait_for(Part part) {
  for (auto const& [coming, is_there] : coming_) {
    if (overlap(coming, part)) is_there.hold_back(compute_);
  }
}

void GpuShareSpread::finish() {
  for (auto const& coming : coming_) coming.is_there.hold_back(compute_);
  coming_.clear();
  if (site_) site_->check();
}

void GpuShareSpread::give_up() {
  coming_.clear();
  site_.reset();
}

}  // namespace atl::comm
