// A leader's channel in a replay: what its site hears comes from the tape, and only the payloads from the
// shards, waited for where they are adopted.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "protocol/tape.hpp"
#include "train/site_channel.hpp"

namespace atl::train {

class TapedChannel final : public SiteChannel {
 public:
  // `boundaries`: their payloads numbered; those before `next` are over, and left `arrived`.
  TapedChannel(RunPlan const& plan, transport::Transport& transport,
               std::vector<protocol::TapedBoundary> boundaries, std::size_t next,
               std::vector<Waiting> const& arrived);

  void join(std::uint64_t, bool) override {}
  void ask_again(std::uint64_t) override {}
  void receive(double) override {}
  // The events of the next boundary.
  std::deque<protocol::SiteEvent>& events() override;
  // Waits for it.
  transport::Payload const& payload(protocol::PayloadHandle handle) override;
  void discard(protocol::PayloadHandle handle) override;
  // Only of versions that were adopted: more is of no use to a shard that replays.
  void send_to_shards(protocol::Message const& message) override;
  void send_markers(protocol::Marker) override {}
  void send_to_hub(protocol::Message) override {}
  void send_to_site(int, protocol::Message, transport::Payload) override {}

 private:
  using Name = std::pair<std::uint32_t, protocol::Version>;

  std::vector<protocol::TapedBoundary> boundaries_;
  std::size_t next_;
  std::map<protocol::PayloadHandle, Name> named_;
  std::map<Name, transport::Payload> arrived_;
};

}  // namespace atl::train
