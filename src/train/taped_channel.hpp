// A leader's channel in a replay: what its site hears comes from the tape, and only payloads from the other
// processes, waited for where they are used.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "protocol/tape.hpp"
#include "train/site_channel.hpp"

namespace atl::train {

class TapedChannel final : public SiteChannel {
 public:
  // What has come for a site and is not used yet, in whichever of its lives.
  struct Mail {
    std::map<std::pair<std::uint32_t, protocol::Version>, transport::Payload> releases;  // by fragment
    std::map<std::pair<std::uint64_t, std::uint64_t>, transport::Payload> states;  // by incarnation and step
  };

  // `boundaries`: of one life, their payloads numbered; those before `next` are over. `is_last`: no other
  // life of the site follows. The mail outlives the channel.
  TapedChannel(RunPlan const& plan, transport::Transport& transport,
               std::vector<protocol::TapedBoundary> boundaries, std::size_t next, Mail& mail, bool is_last);

  void join(std::uint64_t, bool) override {}
  void ask_again(std::uint64_t) override {}
  void receive(double) override {}
  // The events of the next boundary.
  std::deque<protocol::SiteEvent>& events() override;
  // These wait for it.
  transport::Payload const& payload(protocol::PayloadHandle handle) override;
  transport::Payload take_state(protocol::PayloadHandle handle) override;
  void discard(protocol::PayloadHandle handle) override;
  // Only of versions that were adopted: more is of no use to a shard that replays.
  void send_to_shards(protocol::Message const& message) override;
  void send_markers(protocol::Marker) override {}
  void send_to_hub(protocol::Message) override {}
  // Only a state: nobody needs to be asked.
  void send_to_site(int site, protocol::Message message, transport::Payload payload) override;
  void say_goodbye() override;

 private:
  template <class Box>
  typename Box::iterator wait_for(Box& box, typename Box::key_type const& name);

  std::vector<protocol::TapedBoundary> boundaries_;
  std::size_t next_;
  Mail& mail_;
  bool is_last_;
  std::map<protocol::PayloadHandle, std::pair<std::uint32_t, protocol::Version>> releases_;
  std::map<protocol::PayloadHandle, std::pair<std::uint64_t, std::uint64_t>> states_;
  protocol::PayloadHandle used_ = 0;  // the last
};

}  // namespace atl::train
