// A leader's channel that spoils contributions as they leave, where the deck's faults say so. The site's own
// state stays sound.
#pragma once

#include "train/chaos.hpp"
#include "train/site_channel.hpp"

namespace atl::train {

class ChaosChannel final : public SiteChannel {
 public:
  ChaosChannel(RunPlan const& plan, transport::MpiTransport& transport, Chaos& chaos)
      : SiteChannel(plan, transport), chaos_(chaos) {}

  void contribute(protocol::Contribute const& asked, transport::Payload payload) override;

 private:
  // False where this one cannot be spoilt so: perhaps the next can.
  bool spoil(deck::Corruption how, protocol::Contribution& contribution, transport::Payload& payload);

  Chaos& chaos_;
};

}  // namespace atl::train
