// Which source each sequence comes from where several are mixed: a fixed order with exact shares.
#pragma once

#include <cstdint>
#include <vector>

namespace atl::data {

inline constexpr std::uint64_t longest_mixture = 65536;

// An order of sources that repeats after period() sequences. Among any first n sequences a source has its
// share of n, rounded up or down (Tijdeman, "The chairman assignment problem", 1980), so that a short run
// gets the mixture it asks for as well as a long one. It depends on the weights alone.
class Mixture {
 public:
  // Up to 256 positive weights, none below 1/65536 of their sum. The period is the smallest in which their
  // shares are whole; where none up to 65536 is, shares are rounded to 1/65536.
  explicit Mixture(std::vector<double> const& weights);

  struct Place {
    std::size_t source = 0;
    std::uint64_t index = 0;  // how many sequences of that source come before
  };
  Place operator()(std::uint64_t sequence) const;

  std::uint64_t period() const { return order_.size(); }
  std::uint64_t units(std::size_t source) const { return units_[source]; }  // of the period

 private:
  struct Slot {
    std::uint32_t source, index;
  };

  std::vector<std::uint64_t> units_;
  std::vector<Slot> order_;  // one period
};

}  // namespace atl::data
