// What tests of the inner optimizers are made of: a small model, buffers, states in memory.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "kernels/on_host.hpp"
#include "optim/inner_optimizer.hpp"
#include "support/host_copy.hpp"
#include "support/memory_archive.hpp"

namespace atl::test {

inline deck::InnerSection inner_with(deck::InnerOptimizerKind kind, double weight_decay) {
  deck::InnerSection inner;
  inner.optimizer = kind;
  inner.weight_decay = weight_decay;
  return inner;
}

// Every kind of tensor, in two fragments whose order is not that of the tensors.
inline tensor::ParamTable small_table() {
  using tensor::Kind;
  std::vector<tensor::TensorSpec> const specs = {
      {.name = "embedding", .kind = Kind::embedding, .rows = 15, .cols = 6},
      {.name = "norm", .kind = Kind::vector, .rows = 6, .layer = 0},
      {.name = "query", .kind = Kind::matrix, .rows = 7, .cols = 6, .layer = 0},
      {.name = "up", .kind = Kind::matrix, .rows = 12, .cols = 6, .layer = 0},
      {.name = "head", .kind = Kind::matrix, .rows = 15, .cols = 6}};
  return tensor::ParamTable(specs, std::vector<int>{1, 0, 1, 0, 1}, 2);
}

inline kernels::FloatBuffer filled(std::size_t size, float value) {
  auto const buffer = kernels::make_float_buffer("test", size);
  Kokkos::deep_copy(buffer, value);
  return buffer;
}

inline std::vector<float> values(kernels::FloatBuffer const& buffer) { return to_host(buffer); }

// Gradients of step `t`, different in every element and step.
inline kernels::FloatBuffer gradients_of(int t, std::size_t size) {
  std::vector<float> gradients(size);
  for (std::size_t i = 0; i < size; ++i) {
    gradients[i] = std::sin(static_cast<float>(t) * 1.7f + static_cast<float>(i) * 0.9f);
  }
  return kernels::copy_of("gradients", gradients);
}

// The optimizers of a site's ranks.
using Ranks = std::vector<optim::InnerOptimizer>;

inline Ranks ranks_of(deck::InnerSection const& inner, tensor::ParamTable const& table,
                      std::vector<tensor::Range> const& shares) {
  Ranks ranks;
  for (auto const share : shares) ranks.emplace_back(kernels::Exec(), inner, table, share);
  return ranks;
}

inline void take_steps(Ranks& ranks, int first, int last, kernels::FloatBuffer const& params) {
  for (int t = first; t <= last; ++t) {
    for (auto& rank : ranks) rank.step(params, gradients_of(t, params.size()), 0.01, 0.9);
  }
}

using Saved = std::vector<Values>;

inline Saved saved(Ranks const& ranks) {
  Saved files;
  for (auto const& rank : ranks) files.push_back(saved(rank));
  return files;
}

inline void load(Ranks& ranks, Saved const& files) {
  std::vector<std::unique_ptr<base::Reader>> readers;
  for (auto const& file : files) readers.push_back(std::make_unique<MemoryReader>(file));
  for (auto& rank : ranks) rank.load(readers);
}

}  // namespace atl::test
