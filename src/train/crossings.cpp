#include "train/crossings.hpp"

#include <utility>

#include "base/clock.hpp"
#include "outer/codec.hpp"
#include "train/profile.hpp"

namespace atl::train {

namespace {

// Seen to be over now.
void trace_copy(Trace& trace, Work work, kernels::Staging const& room, std::uint32_t fragment) {
  if (!trace.is_on() || kernels::is_host_memory) return;
  double const now_s = base::now_s();
  trace.add(work, now_s - room.copy_s(), now_s, fragment);
}

}  // namespace

StagingRooms::Room StagingRooms::take() {
  if (free_.empty()) return std::make_unique<kernels::Staging>();
  auto room = std::move(free_.back());
  free_.pop_back();
  return room;
}

void Departures::pass_on(SiteChannel& channel, bool all) {
  for (; !leaving_.empty(); leaving_.pop_front()) {
    auto& [asked, room] = leaving_.front();
    if (all) room->wait();
    if (!room->is_there()) return;
    trace_copy(trace_, Work::copy_out, *room, asked.contribution.fragment);
    auto const bytes = room->bytes();
    contributed_bytes += bytes.size();
    channel.contribute(asked, std::make_shared<std::vector<std::byte> const>(bytes.begin(), bytes.end()));
    rooms_.give_back(std::move(room));
  }
}

void Arrivals::forget_unless(std::function<bool(protocol::PayloadHandle)> const& waits) {
  for (auto here = arriving_.begin(); here != arriving_.end();) {
    auto const handle = here++->first;
    if (!waits(handle)) discard(handle);
  }
}

void Arrivals::look_at(protocol::PayloadHandle handle, std::uint32_t fragment,
                       transport::Payload const& payload) {
  auto const here = arriving_.find(handle);
  bool const is_new = here == arriving_.end();
  if (is_new && arriving_.size() >= static_cast<std::size_t>(plan_.outer.in_flight)) return;
  auto& arriving = is_new ? begin(handle, fragment, payload) : here->second;
  if (arriving.is_traced || !arriving.room->is_there()) return;
  arriving.is_traced = true;
  trace_copy(trace_, Work::copy_in, *arriving.room, fragment);
}

kernels::Tensor1<std::byte const> Arrivals::bring(protocol::PayloadHandle handle, std::uint32_t fragment,
                                                  transport::Payload const& payload) {
  auto const here = arriving_.find(handle);
  auto const& arriving = here == arriving_.end() ? begin(handle, fragment, payload) : here->second;
  return arriving.room->arrived(kernels::Exec());
}

void Arrivals::discard(protocol::PayloadHandle handle) {
  auto arriving = arriving_.extract(handle);
  if (arriving.empty()) return;
  arriving.mapped().room->read(kernels::Exec());
  rooms_.give_back(std::move(arriving.mapped().room));
}

Arrivals::Arriving& Arrivals::begin(protocol::PayloadHandle handle, std::uint32_t fragment,
                                    transport::Payload payload) {
  auto& arriving = arriving_[handle];
  arriving.payload = std::move(payload);
  arriving.room = rooms_.take();
  arriving.room->come(*arriving.payload);
  if (is_taped_) {
    auto const size = plan_.table.fragment(static_cast<int>(fragment)).size;
    arriving.digest = base::digest_of(outer::decoded(plan_.release_codec, *arriving.payload, size, decoded_));
  }
  return arriving;
}

}  // namespace atl::train
