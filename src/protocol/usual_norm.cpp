#include "protocol/usual_norm.hpp"

#include <algorithm>
#include <cmath>

namespace atl::protocol {

namespace {

constexpr std::uint64_t fewest = 8;
constexpr double longest_memory = 32.0;
constexpr double least_deviation = 0.5;  // of the mean

double of_one_step(double norm, Work const& work) {
  return norm / std::sqrt(static_cast<double>(work.steps));
}

}  // namespace

bool UsualNorm::is_unusual(double norm, Work const& work) const {
  if (gate_z_ == 0.0 || merged_ < fewest) return false;
  double const deviation = std::max(std::sqrt(variance_), least_deviation * mean_);
  return std::abs(of_one_step(norm, work) - mean_) > gate_z_ * deviation;
}

// All alike at first; later the older fade.
void UsualNorm::saw_merged(double norm, Work const& work) {
  ++merged_;
  double const share = std::max(1.0 / static_cast<double>(merged_), 1.0 / longest_memory);
  double const away = of_one_step(norm, work) - mean_;
  mean_ += share * away;
  variance_ = (1.0 - share) * (variance_ + share * away * away);
}

void UsualNorm::save(base::Writer& writer) const {
  writer.write("merged", merged_);
  writer.write("mean", mean_);
  writer.write("variance", variance_);
}

void UsualNorm::load(base::Reader const& reader) {
  merged_ = reader.read_uint("merged");
  mean_ = reader.read_double("mean");
  variance_ = reader.read_double("variance");
}

}  // namespace atl::protocol
