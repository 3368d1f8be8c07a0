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

bool UsualNorm::is_unusual(double norm, Work const& work, double gate_z) const {
  if (gate_z == 0.0 || merged < fewest) return false;
  double const deviation = std::max(std::sqrt(variance), least_deviation * mean);
  return std::abs(of_one_step(norm, work) - mean) > gate_z * deviation;
}

// All alike at first; later the older fade.
void UsualNorm::saw_merged(double norm, Work const& work) {
  ++merged;
  double const share = std::max(1.0 / static_cast<double>(merged), 1.0 / longest_memory);
  double const away = of_one_step(norm, work) - mean;
  mean += share * away;
  variance = (1.0 - share) * (variance + share * away * away);
}

void UsualNorm::save(base::Writer& writer) const {
  writer.write("merged", merged);
  writer.write("mean", mean);
  writer.write("variance", variance);
}

void UsualNorm::load(base::Reader const& reader) {
  merged = reader.read_uint("merged");
  mean = reader.read_double("mean");
  variance = reader.read_double("variance");
}

}  // namespace atl::protocol
