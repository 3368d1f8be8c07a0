// What attention is computed by: blocks of a head, their products, and the memory they are in.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/attention.hpp"
#include "kernels/bf16.hpp"
#include "kernels/matmul.hpp"
#include "kernels/pieces.hpp"
#include "kernels/small_product.hpp"

namespace atl::kernels {

// A block of scores is query_block x key_block floats, 64 KiB: it stays in the second-level cache between the
// product that makes it, the softmax and the products that use it. Measured best of 32 ... 128 x 64 ... 256.
constexpr std::size_t query_block = 64;
constexpr std::size_t key_block = 256;
static_assert(key_block % query_block == 0,
              "the first key of a block must be visible to every query below it");

// Queries [query, query + queries) against keys [key, key + keys).
struct Block {
  std::size_t query = 0, queries = 0;
  std::size_t key = 0, keys = 0;
};

// Products of blocks of a head: of floats on the host without packing, since they are small.
template <class Real>
struct Products {
  static constexpr bool are_small =
      std::is_same_v<Real, float> && Kokkos::SpaceAccessibility<Kokkos::HostSpace, ExecMemory>::accessible;

  // What against() reads of all keys or values of a head, (T, D): itself, or its transpose in `room`.
  static Tensor2<Real const> prepare(Exec const& exec, Tensor2<Real const> const& x, float* room) {
    if constexpr (are_small) {
      Tensor2<float> const transposed(room, x.extent(1), x.extent(0));
      transpose(exec, x, transposed);
      return transposed;
    } else {
      return x;
    }
  }
  // out[r,k] = sum_d x[r,d] y[k,d] for the keys of the block.
  static void against(Exec const& exec, Tensor2<Real const> const& x, Tensor2<Real const> const& prepared,
                      Block const& block, Tensor2<float> const& out) {
    if constexpr (are_small) {
      small_product_nn(exec, x, columns(prepared, block.key, block.keys), Update::overwrite, out);
    } else {
      matmul_nt(exec, x, rows(prepared, block.key, block.keys), Update::overwrite, out);
    }
  }
  static void nn(Exec const& exec, Tensor2<Real const> const& a, Tensor2<Real const> const& b, Update update,
                 Tensor2<float> const& out) {
    if constexpr (are_small) {
      small_product_nn(exec, a, b, update, out);
    } else {
      matmul_nn(exec, a, b, update, out);
    }
  }
  static void tn(Exec const& exec, Tensor2<Real const> const& a, Tensor2<Real const> const& b, Update update,
                 Tensor2<float> const& out) {
    if constexpr (are_small) {
      small_product_tn(exec, a, b, update, out);
    } else {
      matmul_tn(exec, a, b, update, out);
    }
  }
};

// The caller's workspace, dealt out; without one it only counts: two blocks of scores and two numbers for
// each query of a block. Of bf16, also those blocks as the next products read them, and the sums that gather
// for a block of queries and for the keys and values of a head; of floats these have their place already.
template <class Real>
class Workspace {
 public:
  static constexpr bool is_narrow = std::is_same_v<Real, Bf16>;

  Workspace(AttentionShape const& shape, float* memory) : pieces_(memory) {
    std::size_t const block = std::min(query_block, shape.context) * std::min(key_block, shape.context);
    first_ = pieces_.take(block);
    second_ = pieces_.take(block);
    maxima = Tensor1<float>(pieces_.take(query_block), query_block);
    sums = Tensor1<float>(pieces_.take(query_block), query_block);
    if constexpr (is_narrow) {
      narrow_first_ = reinterpret_cast<Bf16*>(pieces_.take(block / 2 + 1));
      narrow_second_ = reinterpret_cast<Bf16*>(pieces_.take(block / 2 + 1));
      query_sums_ = pieces_.take(query_block * shape.head_dim);
      key_sums_ = pieces_.take(shape.context * shape.head_dim);
      value_sums_ = pieces_.take(shape.context * shape.head_dim);
    }
    if constexpr (Products<Real>::are_small) {
      transposed_keys = pieces_.take(shape.context * shape.head_dim);
      transposed_values = pieces_.take(shape.context * shape.head_dim);
    }
  }
  std::size_t size() const { return pieces_.used(); }

  Tensor2<float> scores(Block const& block) const {
    return Tensor2<float>(first_, block.queries, block.keys);
  }
  Tensor2<float> dscores(Block const& block) const {
    return Tensor2<float>(second_, block.queries, block.keys);
  }
  // What becomes of them.
  Tensor2<Real> probabilities(Block const& block) const {
    if constexpr (is_narrow)
      return Tensor2<Real>(narrow_first_, block.queries, block.keys);
    else
      return scores(block);
  }
  Tensor2<Real> score_gradients(Block const& block) const {
    if constexpr (is_narrow)
      return Tensor2<Real>(narrow_second_, block.queries, block.keys);
    else
      return dscores(block);
  }
  // Where sums gather for these outputs.
  Tensor2<float> query_sums(Tensor2<Real> const& out) const { return sums_of(out, query_sums_); }
  Tensor2<float> key_sums(Tensor2<Real> const& out) const { return sums_of(out, key_sums_); }
  Tensor2<float> value_sums(Tensor2<Real> const& out) const { return sums_of(out, value_sums_); }

  Tensor1<float> maxima, sums;
  float *transposed_keys = nullptr, *transposed_values = nullptr;

 private:
  static Tensor2<float> sums_of(Tensor2<float> const& out, float*) { return out; }
  static Tensor2<float> sums_of(Tensor2<Bf16> const& out, float* room) {
    return Tensor2<float>(room, out.extent(0), out.extent(1));
  }

  Pieces pieces_;
  float *first_, *second_;
  Bf16 *narrow_first_ = nullptr, *narrow_second_ = nullptr;
  float *query_sums_ = nullptr, *key_sums_ = nullptr, *value_sums_ = nullptr;
};

}  // namespace atl::kernels
