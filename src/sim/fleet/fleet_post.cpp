#include "sim/fleet/fleet_post.hpp"

#include <algorithm>
#include <utility>

namespace atl::sim {

using namespace protocol;

FleetPost::FleetPost(FleetLinkSection const& link, double syncer_gbit_s, int sites, EventQueue& events)
    : delay_s_(link.delay_ms / 1e3),
      site_gbit_s_(link.bandwidth_gbit_s),
      syncer_gbit_s_(syncer_gbit_s),
      events_(events),
      sites_(static_cast<std::size_t>(sites)) {}

// When the last bit is through a link that takes one thing at a time.
double FleetPost::pass(double& free_s, double from_s, double bits, double gbit_s) const {
  if (bits == 0.0 || gbit_s == 0.0) return from_s;
  free_s = std::max(free_s, from_s) + bits / (gbit_s * 1e9);
  return free_s;
}

void FleetPost::to_syncer(int site, Message message, double bits) {
  double const sent_s = pass(ends(site).out_free_s, events_.now_s(), bits, site_gbit_s_);
  double const arrives_s = pass(syncer_in_free_s_, sent_s, bits, syncer_gbit_s_) + delay_s_;
  bits_moved_ += bits;
  if (free_numbers_.empty()) {
    free_numbers_.push_back(static_cast<std::uint32_t>(mail_.size()));
    mail_.emplace_back();
  }
  auto const number = free_numbers_.back();
  free_numbers_.pop_back();
  mail_[number] = {site, std::move(message)};
  events_.plan(arrives_s, Event::Kind::arrival, number);
}

Mail FleetPost::take(std::uint32_t number) {
  free_numbers_.push_back(number);
  return std::move(mail_[number]);
}

void FleetPost::to_site(int site, SiteEvent event, double bits) {
  auto& to = ends(site);
  auto& lane = bits > 0.0 ? to.bulk : to.control;
  double const leaves_s = bits > 0.0 ? std::max(to.in_free_s, events_.now_s()) : events_.now_s();
  double const arrives_s = pass(to.in_free_s, leaves_s, bits, site_gbit_s_) + delay_s_;
  lane.push_back({leaves_s, arrives_s, std::move(event)});
}

void FleetPost::release(int site, HeldRelease const& release, double bits) {
  for (auto& waiting : ends(site).bulk) {
    auto* const older = std::get_if<HeldRelease>(&waiting.event);
    if (!older || older->release.fragment != release.release.fragment) continue;
    if (waiting.leaves_s <= events_.now_s()) continue;
    *older = release;
    return;
  }
  double const sent_s = pass(syncer_out_free_s_, events_.now_s(), bits, syncer_gbit_s_);
  auto& to = ends(site);
  to.in_free_s = std::max(to.in_free_s, sent_s);
  bits_moved_ += bits;
  to_site(site, release, bits);
}

void FleetPost::collect(int site, std::vector<SiteEvent>& events) {
  for (auto* lane : {&ends(site).control, &ends(site).bulk}) {
    auto const end = std::ranges::find_if(
        *lane, [&](Waiting const& waiting) { return waiting.arrives_s > events_.now_s(); });
    for (auto each = lane->begin(); each != end; ++each) events.push_back(std::move(each->event));
    lane->erase(lane->begin(), end);
  }
}

void FleetPost::lose(int site) {
  auto& lost = ends(site);
  lost = {};
  lost.in_free_s = lost.out_free_s = events_.now_s();
}

}  // namespace atl::sim
