#include "data/token_range.hpp"

namespace atl::data {

Mixture mixture_of(std::vector<WeightedRange> const& sources) {
  std::vector<double> weights;
  for (auto const& source : sources) weights.push_back(source.weight);
  return Mixture(weights);
}

WeightedRange whole_file(std::filesystem::path const& path, int vocab) {
  auto const file = std::make_shared<TokenFile const>(path, vocab);
  return {{file, 0, file->size()}};
}

}  // namespace atl::data
