// The parameters of a model as one flat fp32 buffer: which tensor lies where,
// and which range is which fragment.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"

namespace atl::tensor {

// What a tensor is to the optimizer and the merge: matrices decay and merge by RDA, embeddings decay and are
// always averaged, vectors (norm weights, biases) do not decay.
enum class Kind { matrix, embedding, vector };

struct TensorSpec {
  std::string name;  // "layers.0.attention.query"
  Kind kind = Kind::matrix;
  std::size_t rows = 0;  // matrices are (rows = outputs, cols = inputs), row-major
  std::size_t cols = 1;  // 1 for vectors
  int layer = -1;        // which transformer layer it belongs to; -1: none. No part of the digest
  std::size_t size() const { return rows * cols; }
};

// A half-open range of the flat buffer, in elements.
struct Range {
  std::size_t offset = 0;
  std::size_t size = 0;
};

struct Tensor : TensorSpec {
  int fragment = 0;
  Range range;  // in the flat buffer
};

// Tensors laid out fragment by fragment, within a fragment in the order of their declaration: each fragment
// is one contiguous range and no tensor is split (PROTOCOL.md §4).
class ParamTable {
 public:
  // `fragment_of[i]` is the fragment of `specs[i]`, from 0 to fragments - 1, each used at least once.
  ParamTable(std::vector<TensorSpec> specs, std::span<int const> fragment_of, int fragments);

  std::size_t size() const { return size_; }  // elements of the flat buffer
  int fragments() const { return static_cast<int>(fragment_ranges_.size()); }
  std::size_t largest_fragment() const;  // its elements
  Range fragment(int p) const { return fragment_ranges_.at(static_cast<std::size_t>(p)); }

  // In the order of declaration, which is the model's; a tensor's index is its place here.
  std::span<Tensor const> tensors() const { return tensors_; }
  Tensor const& find(std::string_view name) const;  // throws RuntimeFailure
  // The tensors of fragment p, in the order of the buffer.
  std::vector<Tensor const*> tensors_of(int p) const;

  // Names, kinds, shapes, fragments and order: equal digests mean interchangeable buffers.
  base::Digest digest() const;

 private:
  std::vector<Tensor> tensors_;
  std::vector<Range> fragment_ranges_;
  std::size_t size_ = 0;
};

}  // namespace atl::tensor
