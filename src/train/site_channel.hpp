// The leader's side of the star: what a site says to the shards, and what it holds of what they said.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/site_machine.hpp"
#include "train/release_chain.hpp"
#include "train/run_plan.hpp"
#include "transport/transport.hpp"

namespace atl::train {

class SiteChannel {
 public:
  // A release that was made whole and is not adopted yet.
  struct Waiting {
    std::uint32_t fragment = 0;
    protocol::Version version;
    transport::Payload theta;
    std::uint64_t marker = 0;  // of the snapshot whose marker its shard had sent before
  };

  SiteChannel(RunPlan const& plan, transport::Transport& transport);
  virtual ~SiteChannel() = default;

  // Says hello and waits until every shard has welcomed this site. Throws RuntimeFailure where one refuses.
  // `heals`: its welcomes, which name donors, are events.
  virtual void join(std::uint64_t incarnation, bool heals);
  // Once more: the donor that was asked may be gone.
  virtual void ask_again(std::uint64_t incarnation);

  // Takes in what has arrived; `wait_s` > 0: sleeps so long at most where nothing is there yet.
  virtual void receive(double wait_s);
  // Releases that were made whole and are not adopted yet.
  std::map<protocol::PayloadHandle, Waiting> const& waiting() const { return payloads_; }
  // What the machine has not seen yet, oldest first: asked for once at every boundary.
  virtual std::deque<protocol::SiteEvent>& events() { return events_; }

  virtual transport::Payload const& payload(protocol::PayloadHandle handle) {
    return payloads_.at(handle).theta;
  }
  virtual void discard(protocol::PayloadHandle handle);
  // A donor's, once.
  virtual transport::Payload take_state(protocol::PayloadHandle handle);

  virtual void contribute(protocol::Contribute const& asked, transport::Payload payload);
  virtual void send_to_shards(protocol::Message const& message);
  virtual void send_markers(protocol::Marker marker);  // on both lanes, to all shards
  // Of the snapshot whose markers were sent last: what was here, or on its way to here, at the cut. None
  // until every shard's marker has come by the bulk lane.
  std::optional<std::vector<Waiting>> take_on_its_way();
  virtual void send_to_hub(protocol::Message message);
  virtual void send_to_site(int site, protocol::Message message, transport::Payload payload = {});
  virtual void say_goodbye();

  // Bytes sent so far, by kind of message: all that ever left this site.
  std::map<std::string, std::uint64_t> sent_bytes() const;

 protected:
  RunPlan const& plan_;
  transport::Transport& transport_;
  std::deque<protocol::SiteEvent> events_;

 private:
  void say_hello(std::uint64_t incarnation, bool heals);
  void look_for_losses();
  void accept(transport::Frame frame);
  void accept_release(int shard, protocol::Release const& release, transport::Payload payload);
  void drop_older_release(protocol::Release const& newer);

  ReleaseChain chain_;
  std::set<int> lost_shards_;
  std::map<protocol::PayloadHandle, Waiting> payloads_;
  std::map<protocol::PayloadHandle, transport::Payload> states_;
  protocol::PayloadHandle last_handle_ = 0;
  std::uint64_t last_marker_ = 0;  // the snapshot's id
  std::uint64_t last_cut_ = 0;
  std::map<int, std::uint64_t> bulk_markers_;  // by shard: the last snapshot's
  std::vector<Waiting> on_its_way_;            // of the last cut, so far
};

}  // namespace atl::train
