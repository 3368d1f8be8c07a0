// Releases that come as differences, made whole again at a site's leader (PROTOCOL.md §5).
#pragma once

#include <vector>

#include "protocol/message.hpp"
#include "train/run_plan.hpp"
#include "transport/transport.hpp"

namespace atl::train {

class ReleaseChain {
 public:
  explicit ReleaseChain(RunPlan const& plan);

  // True where the payload has the size that goes with the release.
  bool fits(protocol::Release const& release, transport::Payload const& payload) const;
  // Theta of a release that fits, as Replica::adopt takes it. None where it is the difference since another
  // version than the last that was made whole here, or is damaged.
  transport::Payload whole(protocol::Release const& release, transport::Payload payload);

 private:
  struct Newest {
    protocol::Version version;
    transport::Payload theta;  // none: nothing came yet
  };

  RunPlan const& plan_;
  std::vector<Newest> newest_;  // by fragment; empty where releases are whole always
};

}  // namespace atl::train
