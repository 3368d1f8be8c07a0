#include "data/survey.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <queue>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"

namespace atoll::data {

namespace {

struct Drawn {
  double draw;
  std::string entry;
  auto operator<=>(Drawn const&) const = default;
};

// The entries with the lowest draws, as many as fit in so many bytes, whatever the order in which they are offered.
class Sample {
 public:
  explicit Sample(std::size_t bytes) : capacity_(bytes) {}

  void offer(double draw, std::string_view entry) {
    if (bytes_ + entry.size() > capacity_ && !kept_.empty() && draw > kept_.top().draw) return;
    kept_.push({draw, std::string(entry.substr(0, capacity_))});
    bytes_ += kept_.top().draw == draw ? 0 : 0;
  }

 private:
  std::size_t capacity_, bytes_ = 0;
  std::priority_queue<Drawn> kept_;
};

}  // namespace

}  // namespace atoll::data
