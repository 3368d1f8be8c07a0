#include "outer/outer_optimizer.hpp"

#include "base/error.hpp"

namespace atl::outer {

OuterOptimizer::OuterOptimizer(Options options, std::size_t size) : options_(options), size_(size) {
  if (options_.momentum != 0.0) momentum_.resize(size);
}

void OuterOptimizer::step(std::span<float const> delta, std::span<float> theta) {
  base::ensure(delta.size() == size_ && theta.size() == size_, "an outer step takes the whole fragment");
  double const lr = options_.lr;
  double const mu = options_.momentum;
  float const* const d = delta.data();
  float* const t = theta.data();
  if (momentum_.empty()) {
    for (std::size_t i = 0; i < size_; ++i) t[i] = static_cast<float>(t[i] - lr * static_cast<double>(d[i]));
    return;
  }
  float* const b = momentum_.data();
  for (std::size_t i = 0; i < size_; ++i) {
    double const momentum = mu * b[i] + d[i];
    b[i] = static_cast<float>(momentum);
    t[i] = static_cast<float>(t[i] - lr * (d[i] + mu * momentum));
  }
}

void OuterOptimizer::save(base::Writer& writer) const {
  if (!momentum_.empty()) writer.write("momentum", std::span<float const>(momentum_));
}

void OuterOptimizer::load(base::Reader const& reader) {
  if (!momentum_.empty()) reader.read("momentum", std::span<float>(momentum_));
}

}  // namespace atl::outer
