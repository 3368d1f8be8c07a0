// How fast one shard on one core merges contributions that are in memory: GB of contributions a second, by
// members and rule, with the outer step. The fastest of many runs.
//
//   cmake --preset ci -DATOLL_BENCH=ON && cmake --build build/ci --target bench_merge
//   build/ci/tests/unit/outer/bench_merge [parameters of the fragment]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "outer/merge.hpp"
#include "outer/outer_optimizer.hpp"

using namespace atl;

namespace {

// Matrices of a million elements each, as of a layer of a model of 100 to 300 million parameters.
std::vector<tensor::Tensor> matrices(std::size_t parameters) {
  constexpr std::size_t side = 1024;
  std::vector<tensor::Tensor> tensors;
  for (std::size_t offset = 0; offset < parameters; offset += side * side) {
    std::size_t const size = std::min(side * side, parameters - offset);
    tensor::Tensor matrix;
    matrix.cols = size;
    matrix.range = {offset, size};
    tensors.push_back(matrix);
  }
  return tensors;
}

double seconds_of(outer::MergeRule rule, std::vector<tensor::Tensor> const& tensors,
                  std::vector<outer::Weighted> const& members, std::vector<float>& theta) {
  using clock = std::chrono::steady_clock;
  std::vector<tensor::Tensor const*> pointers;
  for (auto const& tensor : tensors) pointers.push_back(&tensor);
  std::vector<float> merged(theta.size());
  outer::OuterOptimizer optimizer({.lr = 1e-3, .momentum = 0.9}, theta.size());
  double best_s = std::numeric_limits<double>::infinity();
  auto const start = clock::now();
  for (int run = 0; run < 3 || std::chrono::duration<double>(clock::now() - start).count() < 1.0; ++run) {
    auto const begin = clock::now();
    outer::merge(rule, pointers, {0, theta.size()}, members, merged);
    optimizer.step(merged, theta);
    best_s = std::min(best_s, std::chrono::duration<double>(clock::now() - begin).count());
  }
  return best_s;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t const parameters = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : std::size_t{4} << 20;
  constexpr std::size_t most = 64;
  auto const tensors = matrices(parameters);
  std::vector<std::vector<float>> deltas(most, std::vector<float>(parameters));
  std::vector<outer::Weighted> members;
  std::vector<float> theta(parameters, 0.5f);
  std::printf("%zu parameters, GB/s of contributions in fp32 (ms)\n%8s %18s %18s\n", parameters, "members",
              "average", "rda");
  for (std::size_t count : {1, 2, 4, 8, 16, 32, 64}) {
    while (members.size() < count) {
      auto& delta = deltas[members.size()];
      for (std::size_t i = 0; i < parameters; ++i)
        delta[i] = static_cast<float>((i * 7919 + members.size()) % 1013) / 1013.0f - 0.4f;
      members.push_back({delta, 1.0 + static_cast<double>(members.size())});
    }
    std::printf("%8zu", count);
    for (auto const rule : {outer::MergeRule::average, outer::MergeRule::rda}) {
      double const s = seconds_of(rule, tensors, members, theta);
      std::printf(" %8.2f (%7.2f)", 4.0 * static_cast<double>(count * parameters) / s * 1e-9, s * 1e3);
    }
    std::printf("\n");
  }
}
