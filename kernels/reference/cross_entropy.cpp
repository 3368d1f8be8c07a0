#include "kernels/reference/cross_entropy.hpp"

#include <algorithm>
#include <cmath>

namespace atl::kernels::reference {
namespace {

double log_sum_exp(Input row) {
  double const highest = *std::max_element(row.begin(), row.end());
  double sum = 0.0;
  for (double const x : row) sum += std::exp(x - highest);
  return highest + std::log(sum);
}

}  // namespace

Values cross_entropy_forward(Input logits, Tokens targets) {
  std::size_t const vocabulary = logits.size() / targets.size();
  Values loss(targets.size(), 0.0);
  for (std::size_t n = 0; n < targets.size(); ++n) {
    Input const row = logits.subspan(n * vocabulary, vocabulary);
    if (targets[n] >= 0) loss[n] = log_sum_exp(row) - row[targets[n]];
  }
  return loss;
}

Values cross_entropy_backward(Input logits, Tokens targets, double scale) {
  std::size_t const vocabulary = logits.size() / targets.size();
  Values dlogits(logits.size(), 0.0);
  for (std::size_t n = 0; n < targets.size(); ++n) {
    if (targets[n] < 0) continue;
    Input const row = logits.subspan(n * vocabulary, vocabulary);
    double const lse = log_sum_exp(row);
    for (std::size_t v = 0; v < vocabulary; ++v) dlogits[n * vocabulary + v] = scale * std::exp(row[v] - lse);
    dlogits[n * vocabulary + targets[n]] -= scale;
  }
  return dlogits;
}

}  // namespace atl::kernels::reference
