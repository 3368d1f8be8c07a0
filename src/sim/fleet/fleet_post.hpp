// What is under way between the sites of a fleet and its syncer: when it arrives over links of limited
// bandwidth.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/site_machine.hpp"
#include "sim/event_queue.hpp"
#include "sim/fleet/config.hpp"

namespace atl::sim {

// A message on its way to the syncer.
struct Mail {
  int site = 0;
  protocol::Message message;
};

// Each site has a link in either direction, and the syncer one: what has many bits takes them in turn.
// Control messages wait for nothing but the delay. Two lanes to each site, each in order.
class FleetPost {
 public:
  // `syncer_gbit_s` 0: no limit. Mail for the syncer arrives as Event::Kind::arrival of a number for take().
  FleetPost(FleetLinkSection const& link, double syncer_gbit_s, int sites, EventQueue& events);

  void to_syncer(int site, protocol::Message message, double bits = 0.0);
  Mail take(std::uint32_t number);

  void to_site(int site, protocol::SiteEvent event, double bits = 0.0);
  // From the syncer. One that has not left yet is replaced by a newer one of its fragment.
  void release(int site, protocol::HeldRelease const& release, double bits);
  // What has arrived at a site by now is appended.
  void collect(int site, std::vector<protocol::SiteEvent>& events);
  void lose(int site);  // with what is on its way there

  double bits_moved() const { return bits_moved_; }  // between syncer and sites, in both directions

 private:
  struct Waiting {
    double leaves_s = 0.0;
    double arrives_s = 0.0;
    protocol::SiteEvent event;
  };
  struct Ends {
    double out_free_s = 0.0, in_free_s = 0.0;
    std::vector<Waiting> control, bulk;  // to the site
  };

  double pass(double& free_s, double from_s, double bits, double gbit_s) const;
  Ends& ends(int site) { return sites_[static_cast<std::size_t>(site)]; }

  double delay_s_, site_gbit_s_, syncer_gbit_s_;
  EventQueue& events_;
  std::vector<Ends> sites_;
  double syncer_in_free_s_ = 0.0, syncer_out_free_s_ = 0.0;
  std::vector<Mail> mail_;  // by number
  std::vector<std::uint32_t> free_numbers_;
  double bits_moved_ = 0.0;
};

}  // namespace atl::sim
