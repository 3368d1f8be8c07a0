#include "kernels/reference/attention.hpp"

#include <algorithm>
#include <cmath>

namespace atl::kernels::reference {
namespace {

// Where the vectors of one head of one sequence lie in qkv.
struct Head {
  Head(AttentionShape const& s, std::size_t batch, std::size_t head)
      : shape(s), b(batch), h(head), kv(head / (s.heads / s.kv_heads)) {}

  std::size_t query(std::size_t t) const { return row(t) + h * shape.head_dim; }
  std::size_t key(std::size_t t) const { return row(t) + (shape.heads + kv) * shape.head_dim; }
  std::size_t value(std::size_t t) const {
    return row(t) + (shape.heads + shape.kv_heads + kv) * shape.head_dim;
  }
  std::size_t row(std::size_t t) const { return (b * shape.context + t) * shape.qkv_width(); }
  std::size_t out(std::size_t t) const {
    return ((b * shape.context + t) * shape.heads + h) * shape.head_dim;
  }
  std::size_t lse(std::size_t t) const { return (b * shape.heads + h) * shape.context + t; }
  double scale() const { return 1.0 / std::sqrt(static_cast<double>(shape.head_dim)); }

  AttentionShape const& shape;
  std::size_t b, h, kv;
};

double dot(Input x, std::size_t at_x, Input y, std::size_t at_y, std::size_t size) {
  double sum = 0.0;
  for (std::size_t i = 0; i < size; ++i) sum += x[at_x + i] * y[at_y + i];
  return sum;
}

void add_scaled(double factor, Input x, std::size_t at_x, Values& y, std::size_t at_y, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) y[at_y + i] += factor * x[at_x + i];
}

// softmax of row t over keys 0 ... t, and its log-sum-exp.
struct Row {
  Values probability;
  double lse = 0.0;
};

Row softmax_row(Input qkv, Head const& head, std::size_t t) {
  Row row{Values(t + 1), 0.0};
  for (std::size_t s = 0; s <= t; ++s) {
    row.probability[s] = head.scale() * dot(qkv, head.query(t), qkv, head.key(s), head.shape.head_dim);
  }
  double const highest = *std::max_element(row.probability.begin(), row.probability.end());
  double sum = 0.0;
  for (double const score : row.probability) sum += std::exp(score - highest);
  row.lse = highest + std::log(sum);
  for (double& score : row.probability) score = std::exp(score - row.lse);
  return row;
}

}  // namespace

AttentionOutput attention_forward(Input qkv, AttentionShape const& shape) {
  AttentionOutput result{Values(shape.batch * shape.context * shape.heads * shape.head_dim, 0.0),
                         Values(shape.batch * shape.context * shape.heads)};
  for (std::size_t b = 0; b < shape.batch; ++b) {
    for (std::size_t h = 0; h < shape.heads; ++h) {
      Head const head(shape, b, h);
      for (std::size_t t = 0; t < shape.context; ++t) {
        Row const row = softmax_row(qkv, head, t);
        result.lse[head.lse(t)] = row.lse;
        for (std::size_t s = 0; s <= t; ++s) {
          add_scaled(row.probability[s], qkv, head.value(s), result.out, head.out(t), shape.head_dim);
        }
      }
    }
  }
  return result;
}

Values attention_backward(Input dout, Input qkv, AttentionShape const& shape) {
  Values dqkv(qkv.size(), 0.0);
  std::size_t const size = shape.head_dim;
  for (std::size_t b = 0; b < shape.batch; ++b) {
    for (std::size_t h = 0; h < shape.heads; ++h) {
      Head const head(shape, b, h);
      for (std::size_t t = 0; t < shape.context; ++t) {
        Values const p = softmax_row(qkv, head, t).probability;
        Values dp(t + 1);
        double mean = 0.0;
        for (std::size_t s = 0; s <= t; ++s) {
          dp[s] = dot(dout, head.out(t), qkv, head.value(s), size);
          mean += p[s] * dp[s];
          add_scaled(p[s], dout, head.out(t), dqkv, head.value(s), size);
        }
        for (std::size_t s = 0; s <= t; ++s) {
          double const dscore = head.scale() * p[s] * (dp[s] - mean);
          add_scaled(dscore, qkv, head.key(s), dqkv, head.query(t), size);
          add_scaled(dscore, qkv, head.query(t), dqkv, head.key(s), size);
        }
      }
    }
  }
  return dqkv;
}

}  // namespace atl::kernels::reference
