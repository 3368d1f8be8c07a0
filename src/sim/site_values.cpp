#include "sim/site_values.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "deck/deck.hpp"
#include "deck/names.hpp"
#include "outer/codec.hpp"
#include "outer/receive.hpp"

namespace atl::sim {

outer::Codec codec_of(deck::Codec codec) { return outer::codec_named(deck::name(codec)); }

outer::Codec whole_codec(deck::OuterSection const& outer) {
  return deck::is_of_differences(outer.release_codec) ? outer::Codec::fp32 : codec_of(outer.release_codec);
}

SiteValues::SiteValues(Scenario const& scenario, Problem const& problem, int site)
    : scenario_(scenario),
      problem_(problem),
      site_(site),
      theta_(problem.table().size(), std::numeric_limits<float>::quiet_NaN()),
      base_(theta_),
      snapshot_(theta_),
      copies_(static_cast<std::size_t>(problem.table().fragments())) {
  for (int p = 0; p < problem.table().fragments(); ++p)
    residuals_.emplace_back(codec_of(scenario.outer.codec), problem.table().fragment(p).size);
}

void SiteValues::begin(std::uint64_t step) {
  for (auto& copy : copies_) copy = {.trained_from = step, .snapshot_at = step};
}

void SiteValues::train(std::uint64_t step) { problem_.train(site_, step, theta_); }

void SiteValues::adopt(int fragment, Parcel const& release, protocol::AdoptRule rule, std::uint64_t step) {
  auto const theta = slice(theta_, fragment);
  auto const received = outer::decoded(whole_codec(scenario_.outer), *release.bytes, theta.size(), room_);
  auto const base = slice(base_, fragment);
  auto const snapshot = slice(snapshot_, fragment);
  auto& copy = copies_[static_cast<std::size_t>(fragment)];
  switch (rule) {
    case protocol::AdoptRule::overwrite:
      std::ranges::copy(received, theta.begin());
      copy.trained_from = step;
      break;
    case protocol::AdoptRule::blend:  // what is left of the steps is nowhere booked
      outer::blend(theta, received, scenario_.outer.blend);
      copy.trained_from = step;
      break;
    case protocol::AdoptRule::rebase_on_snapshot:
      outer::rebase(theta, snapshot, received);
      copy.trained_from = copy.snapshot_at;
      break;
    case protocol::AdoptRule::rebase_on_base:
      outer::rebase(theta, base, received);
      outer::rebase(snapshot, base, received);
      break;
  }
  std::ranges::copy(received, base.begin());
}

Parcel SiteValues::contribute(int fragment, float poison, std::uint64_t step) {
  auto const theta = slice(theta_, fragment);
  auto& copy = copies_[static_cast<std::size_t>(fragment)];
  std::vector<float> delta(theta.size());
  outer::difference(slice(base_, fragment), theta, delta);
  for (float& value : delta) value *= poison;
  std::ranges::copy(theta, slice(snapshot_, fragment).begin());
  copy.snapshot_at = step;
  auto& residual = residuals_.at(static_cast<std::size_t>(fragment));
  return {std::make_shared<std::vector<std::byte> const>(residual.encode(delta)), {copy.trained_from, step}};
}

LeftOver SiteValues::left_over(int fragment) const {
  auto const& residual = residuals_.at(static_cast<std::size_t>(fragment));
  return {base::digest_of(residual.left()), base::digest_of(residual.under_way())};
}

base::Digest SiteValues::base_digest(int fragment) const { return base::digest_of(slice(base_, fragment)); }

bool SiteValues::is_at_base() const { return theta_ == base_; }

std::span<float> SiteValues::slice(std::vector<float>& buffer, int fragment) {
  auto const range = problem_.table().fragment(fragment);
  return std::span(buffer).subspan(range.offset, range.size);
}

std::span<float const> SiteValues::slice(std::vector<float> const& buffer, int fragment) const {
  auto const range = problem_.table().fragment(fragment);
  return std::span(buffer).subspan(range.offset, range.size);
}

}  // namespace atl::sim
