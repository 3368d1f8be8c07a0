// What every attention must be able to do, whoever computes it: on the host, on a GPU, or on an emulated one.
#pragma once

#include "comparison.hpp"
#include "kernels/attention_shape.hpp"
#include "kernels/reference/attention.hpp"

namespace atl::kernels::test {

using Floats = std::vector<float>;

struct AttentionResult {
  Floats out, lse, dqkv;
};

// Forward and backward of operands that its numbers hold exactly.
using Attention = AttentionResult (*)(AttentionShape const& shape, Floats const& qkv, Floats const& dout);

struct Tolerance {
  double out, lse, dqkv;
};

struct AttentionOperands {
  AttentionOperands(AttentionShape const& shape, std::uint32_t seed, float amplitude, bool are_narrow = false)
      : qkv(random_floats(shape.batch * shape.context * shape.qkv_width(), seed, amplitude)),
        dout(random_floats(shape.batch * shape.context * shape.heads * shape.head_dim, seed + 1, 1.0F)) {
    if (are_narrow) {  // what is left is a bf16
      for (Floats* const all : {&qkv, &dout}) {
        for (float& x : *all) x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xFFFF0000U);
      }
    }
  }
  Floats qkv, dout;
};

inline reference::Values values_of(Floats const& x) { return {x.begin(), x.end()}; }

template <class Shapes>
void check_against_the_whole_matrix(Attention attention, Shapes const& shapes, bool are_narrow,
                                    Tolerance const& tolerance) {
  for (AttentionShape const& shape : shapes) {
    INFO("B " << shape.batch << " T " << shape.context << " H " << shape.heads << " G " << shape.kv_heads
              << " D " << shape.head_dim);
    AttentionOperands const operands(shape, 1, 2.0F, are_narrow);
    AttentionResult const result = attention(shape, operands.qkv, operands.dout);
    auto const qkv = values_of(operands.qkv);
    auto const expected = reference::attention_forward(qkv, shape);
    CHECK(relative_error(result.out, expected.out) < tolerance.out);
    CHECK(relative_error(result.lse, expected.lse) < tolerance.lse);
    auto const dqkv = reference::attention_backward(values_of(operands.dout), qkv, shape);
    CHECK(relative_error(result.dqkv, dqkv) < tolerance.dqkv);
  }
}

// Later keys bring larger maxima, so that what the first block of keys left is shrunk to nothing.
inline void check_large_scores(Attention attention, AttentionShape const& shape, bool are_narrow,
                               Tolerance const& tolerance) {
  AttentionOperands const operands(shape, 5, 40.0F, are_narrow);
  AttentionResult const result = attention(shape, operands.qkv, operands.dout);
  auto const expected = reference::attention_forward(values_of(operands.qkv), shape);
  CHECK(*std::max_element(expected.lse.begin(), expected.lse.end()) > 1000.0);
  CHECK(relative_error(result.out, expected.out) < tolerance.out);
  CHECK(relative_error(result.lse, expected.lse) < tolerance.lse);
}

inline void check_causality(Attention attention, AttentionShape const& shape, std::size_t changed) {
  AttentionOperands operands(shape, 7, 1.0F, true);
  AttentionResult const then = attention(shape, operands.qkv, operands.dout);
  for (std::size_t c = 0; c < shape.qkv_width(); ++c) operands.qkv[changed * shape.qkv_width() + c] *= -2.0F;
  AttentionResult const now = attention(shape, operands.qkv, operands.dout);
  std::size_t const width = shape.heads * shape.head_dim;
  for (std::size_t t = 0; t < shape.context; ++t) {
    INFO("position " << t);
    auto const row = [&](Floats const& out) {
      return Floats(out.begin() + t * width, out.begin() + (t + 1) * width);
    };
    CHECK(bit_equal(row(now.out), row(then.out)) == (t < changed));
  }
}

inline void check_same_bits(AttentionResult const& once, AttentionResult const& twice) {
  CHECK(bit_equal(once.out, twice.out));
  CHECK(bit_equal(once.lse, twice.lse));
  CHECK(bit_equal(once.dqkv, twice.dqkv));
}

}  // namespace atl::kernels::test
