// The numbers of a simulated site, and which of its steps they hold: what a site's driver does with the
// actions of its machine, on vectors small enough for thousands of runs.
#pragma once

#include <cstdint>
#include <vector>

#include "base/digest.hpp"
#include "outer/residual.hpp"
#include "protocol/site_machine.hpp"
#include "sim/problem.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

// What coding left out of a fragment's contributions so far, and with the one under way.
struct LeftOver {
  base::Digest before, after;
};

class SiteValues {
 public:
  // Everything is NaN until it is adopted: whatever a site never got must not reach the others.
  SiteValues(Scenario const& scenario, Problem const& problem, int site);

  // `step`: how many the site has taken, here and below. Before its first it may have leapt, to a donor's.
  void begin(std::uint64_t step);
  void train(std::uint64_t step);
  void adopt(int fragment, Parcel const& release, protocol::AdoptRule rule, std::uint64_t step);
  // base - theta, coded. `poison`: what every value is multiplied with on the way there; 1 for none.
  Parcel contribute(int fragment, float poison, std::uint64_t step);
  void settle(int fragment, bool advanced) {
    residuals_.at(static_cast<std::size_t>(fragment)).settle(advanced);
  }

  LeftOver left_over(int fragment) const;
  double loss() const { return problem_.loss(site_, theta_); }
  base::Digest base_digest(int fragment) const;
  base::Digest digest() const { return base::digest_of(std::span<float const>(theta_)); }
  bool is_at_base() const;  // theta is the base, everywhere

 private:
  struct Copy {
    std::uint64_t trained_from = 0;  // theta - base holds the steps from here on
    std::uint64_t snapshot_at = 0;
  };

  std::span<float> slice(std::vector<float>& buffer, int fragment);
  std::span<float const> slice(std::vector<float> const& buffer, int fragment) const;

  Scenario const& scenario_;
  Problem const& problem_;
  int site_;
  std::vector<float> theta_, base_, snapshot_;
  std::vector<outer::Residual> residuals_;
  std::vector<Copy> copies_;
  std::vector<float> room_;
};

// How the deck's codecs are called in src/outer.
outer::Codec codec_of(deck::Codec codec);
// Of releases that are not differences.
outer::Codec whole_codec(deck::OuterSection const& outer);

}  // namespace atl::sim
