#include "sim/fleet/site_life.hpp"

#include <algorithm>
#include <cmath>

namespace atl::sim {

using Kind = SiteState::Kind;

SiteLife::SiteLife(SiteRules const& rules, base::Philox rng, std::uint64_t stream)
    : rules_(rules), rng_(rng), stream_(stream), running_(rules.slices) {
  presence_ends_s_ = draw(rules_.mean_present_s);
  train(0.0);
}

double SiteLife::draw(double mean_s) {
  return mean_s == never ? never : -mean_s * std::log1p(-rng_.uniform(stream_, draws_++));
}

// Slices that would train after the next pause; without elasticity all or none.
int SiteLife::wanted() const {
  int const able = std::min(rules_.slices, healthy());
  return rules_.is_elastic || able == rules_.slices ? able : 0;
}

void SiteLife::enter(Kind kind, double now, double until) {
  state_ = {.kind = kind, .since_s = now, .share = 0.0};
  next_s_ = std::min(until, presence_ends_s_);
}

void SiteLife::train(double now) {
  double const fails_s = now + draw(1.0 / (rules_.slice_failure_rate * running_));
  enter(Kind::training, now, std::min(fails_s, batch_back_s_));
  state_.share = static_cast<double>(running_) / (rules_.slices + rules_.spares);
}

void SiteLife::advance() {
  double const now = next_s_;
  trained_s_ = trained_s(now);
  if (state_.kind == Kind::training) unsaved_s_ += now - state_.since_s;
  if (now >= presence_ends_s_) return is_present_ ? leave(now) : join(now);
  bool const is_back = now >= batch_back_s_;
  if (is_back) {
    lost_ = 0;
    batch_back_s_ = never;
  }
  if (state_.kind == Kind::training && !is_back) return lose_slice(now);
  if (state_.kind == Kind::away) return come_back(now);
  if (state_.kind == Kind::training && running_ < wanted())
    return enter(Kind::paused, now, now + rules_.regrow_s);
  running_ = wanted();
  train(now);
}

void SiteLife::lose_slice(double now) {
  ++lost_;
  if (batch_back_s_ == never) batch_back_s_ = now + rules_.return_s;
  if (!rules_.is_elastic) rewind();
  if (wanted() == 0) return enter(Kind::away, now, batch_back_s_);
  enter(Kind::paused, now, now + (wanted() == running_ ? rules_.regrow_s : rules_.shrink_s));
}

// Nothing of it was left that trained.
void SiteLife::come_back(double now) {
  if (rules_.has_peers) return enter(Kind::healing, now, now + rules_.heal_s + rules_.regrow_s);
  if (rules_.is_elastic) rewind();
  enter(Kind::paused, now, now + rules_.regrow_s);
}

void SiteLife::leave(double now) {
  is_present_ = false;
  presence_ends_s_ = now + draw(rules_.mean_absent_s);
  enter(Kind::away, now, never);
}

void SiteLife::join(double now) {
  absent_s_ += now - state_.since_s;
  is_present_ = true;
  presence_ends_s_ = now + draw(rules_.mean_present_s);
  lost_ = 0;
  batch_back_s_ = never;
  come_back(now);
}

void SiteLife::rewind() {
  double const every = rules_.checkpoint_every_s;
  double const repeated = every > 0.0 ? std::fmod(unsaved_s_, every) : 0.0;
  trained_s_ -= repeated * running_ / (rules_.slices + rules_.spares);
  unsaved_s_ = 0.0;
}

}  // namespace atl::sim
