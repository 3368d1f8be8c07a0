// What a seed decides: random numbers drawn one after the other from a stream of their own.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/rng.hpp"

namespace atl::sim {

// Streams of one seed do not disturb one another: one draw more of the network leaves the faults as they are.
enum class Stream : std::uint64_t { scenario = 1, faults, network, sites, noise };

class Draws {
 public:
  Draws(std::uint64_t seed, Stream stream) : random_{seed}, stream_(static_cast<std::uint64_t>(stream)) {}

  double real(double low, double high) { return low + (high - low) * random_.uniform(stream_, count_++); }
  // Both ends can come; low where high is below it.
  int whole(int low, int high) {
    auto const choices = static_cast<std::uint64_t>(high > low ? high - low + 1 : 1);
    return low + static_cast<int>(random_.below(choices, stream_, count_++));
  }
  double real(std::array<double, 2> const& span) { return real(span[0], span[1]); }
  int whole(std::array<int, 2> const& span) { return whole(span[0], span[1]); }
  // Small numbers, which are the hard ones, come more often.
  int few(std::array<int, 2> const& span) {
    double const share = real(0.0, 1.0);
    return span[0] + static_cast<int>((span[1] - span[0] + 0.999) * share * share);
  }
  bool chance(double share) { return real(0.0, 1.0) < share; }
  template <class T>
  T const& among(std::vector<T> const& choices) {
    return choices[static_cast<std::size_t>(whole(0, static_cast<int>(choices.size()) - 1))];
  }

 private:
  base::Philox random_;
  std::uint64_t stream_;
  std::uint64_t count_ = 0;
};

}  // namespace atl::sim
