#include "sim/problem.hpp"

#include <fmt/format.h>

#include "sim/draws.hpp"

namespace atl::sim {

namespace {

constexpr float rate = 0.1f;
constexpr std::uint64_t noise_stream = static_cast<std::uint64_t>(Stream::noise) << 48;

// Of every kind that merging treats in its own way.
tensor::ParamTable make_table(int fragments) {
  std::vector<tensor::TensorSpec> specs;
  std::vector<int> fragment_of;
  for (int p = 0; p < fragments; ++p) {
    bool const has_embedding = p % 3 == 0;
    specs.push_back(
        {.name = fmt::format("matrix_{}", p), .kind = tensor::Kind::matrix, .rows = 2, .cols = 2});
    specs.push_back({.name = fmt::format("other_{}", p),
                     .kind = has_embedding ? tensor::Kind::embedding : tensor::Kind::vector,
                     .rows = 2,
                     .cols = 1});
    fragment_of.insert(fragment_of.end(), {p, p});
  }
  return {specs, fragment_of, fragments};
}

// In [-1, 1).
float symmetric(std::uint32_t word) { return static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31f; }

}  // namespace

Quadratic::Quadratic(int fragments, std::uint64_t seed) : random_{seed}, table_(make_table(fragments)) {}

std::vector<float> Quadratic::initial(int fragment) const {
  auto const range = table_.fragment(fragment);
  std::vector<float> values(range.size);
  for (std::size_t i = 0; i < range.size; ++i)
    values[i] = static_cast<float>(random_.normal(noise_stream - 1, range.offset + i));
  return values;
}

float Quadratic::target(int site, std::size_t element) const {
  auto const common = static_cast<float>(element % 7) - 3.0f;
  return common + 0.5f * static_cast<float>((element * 5 + static_cast<std::size_t>(site) * 3) % 11) / 11.0f;
}

void Quadratic::train(int site, std::uint64_t step, std::span<float> theta) const {
  std::uint64_t const stream = noise_stream + (static_cast<std::uint64_t>(site) << 32) + step;
  for (std::size_t i = 0; i < theta.size(); i += 4) {
    auto const noise = random_.words(stream, i);
    for (std::size_t k = i; k < std::min(i + 4, theta.size()); ++k)
      theta[k] -= rate * (theta[k] - target(site, k) - symmetric(noise[k - i]));
  }
}

double Quadratic::loss(int site, std::span<float const> theta) const {
  double sum = 0.0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    double const distance = theta[i] - target(site, i);
    sum += 0.5 * distance * distance;
  }
  return theta.empty() ? 0.0 : sum / static_cast<double>(theta.size());
}

}  // namespace atl::sim
