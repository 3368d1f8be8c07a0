// How releases get from a site's leader to its other ranks: while the next step is computed.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "comm/communicator.hpp"
#include "protocol/site_machine.hpp"
#include "train/run_plan.hpp"
#include "train/site_channel.hpp"

namespace atl::train {

// What a record tells of, all ranks begin to pass on at that boundary, and have at the next one. Collective
// over the site; of a site of one rank nothing travels.
class ReleaseRelay {
 public:
  ReleaseRelay(RunPlan const& plan, comm::Communicator const& site) : plan_(plan), site_(site) {}
  ~ReleaseRelay();
  ReleaseRelay(ReleaseRelay const&) = delete;
  ReleaseRelay& operator=(ReleaseRelay const&) = delete;

  // The record's events as the machine shall see them at this boundary: after those that waited. `can_wait`:
  // the site trains on; then those wait that have a payload to travel, if there is nothing but releases.
  std::vector<protocol::SiteEvent> pass(std::vector<protocol::SiteEvent> told, bool can_wait,
                                        SiteChannel* leaders);

  bool has_waiting() const { return !waiting_.empty(); }

  // What has arrived and is not discarded yet.
  struct Release {
    std::uint32_t fragment = 0;
    transport::Payload theta;
  };
  std::map<protocol::PayloadHandle, Release> const& here() const { return here_; }
  // Takes in what has arrived, without waiting; MPI moves what travels meanwhile.
  void look();

  // On every rank; of a release that has not travelled, now.
  transport::Payload payload(protocol::PayloadHandle handle, std::uint32_t fragment, SiteChannel* leaders);
  void discard(protocol::PayloadHandle handle) { here_.erase(handle); }

  // Nothing travels after it.
  void finish();
  // A rank is lost: what was on its way, or has arrived at some, travels when it is asked for.
  void give_up();

 private:
  struct Travelling {
    protocol::PayloadHandle handle = 0;
    Release release;
    std::vector<MPI_Request> requests;
  };
  Travelling send(protocol::PayloadHandle handle, std::uint32_t fragment, SiteChannel* leaders) const;
  Release arrived(Travelling& travelling) const;

  RunPlan const& plan_;
  comm::Communicator const& site_;
  std::vector<protocol::SiteEvent> waiting_;
  std::vector<Travelling> travelling_;
  std::map<protocol::PayloadHandle, Release> here_;
};

}  // namespace atl::train
