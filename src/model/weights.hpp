// The flat parameter (or gradient) buffer seen as the tensors of the model.
#pragma once

#include <span>
#include <vector>

#include "deck/config.hpp"
#include "kernels/views.hpp"
#include "tensor/param_table.hpp"

namespace atl::model {

// Of one layer; T is float or float const.
template <class T>
struct LayerWeights {
  kernels::Tensor1<T> attention_norm;             // (C)
  kernels::Tensor2<T> query, key, value, output;  // (H D, C), (G D, C), (G D, C), (C, H D)
  kernels::Tensor1<T> ffn_norm;                   // (C)
  kernels::Tensor2<T> gate, up, down;             // (F, C), (F, C), (C, F)
};

// Where each tensor of the model lies in the flat buffer: names are looked up once, here.
class WeightMap {
 public:
  WeightMap(deck::ModelSection const& model, tensor::ParamTable const& table);

  template <class T>
  kernels::Tensor2<T> embedding(kernels::Tensor1<T> const& flat) const {  // (V, C)
    return matrix(flat, embedding_);
  }
  template <class T>
  LayerWeights<T> layer(kernels::Tensor1<T> const& flat, std::size_t l) const {
    LayerPlaces const& at = layers_[l];
    return {vector(flat, at.attention_norm), matrix(flat, at.query),  matrix(flat, at.key),
            matrix(flat, at.value),          matrix(flat, at.output), vector(flat, at.ffn_norm),
            matrix(flat, at.gate),           matrix(flat, at.up),     matrix(flat, at.down)};
  }
  template <class T>
  kernels::Tensor1<T> final_norm(kernels::Tensor1<T> const& flat) const {  // (C)
    return vector(flat, final_norm_);
  }
  template <class T>
  kernels::Tensor2<T> head(kernels::Tensor1<T> const& flat) const {  // (V, C); or the embedding, if tied
    return matrix(flat, head_);
  }

  // What the backward pass completes with the head, with layer l and with the embedding, as contiguous
  // ranges.
  std::span<tensor::Range const> ready_with_head() const { return ready_with_head_; }
  std::span<tensor::Range const> ready_with_layer(std::size_t l) const { return layers_[l].ready; }
  std::span<tensor::Range const> ready_with_embedding() const { return {&embedding_.range, 1}; }

 private:
  struct Place {
    tensor::Range range;
    std::size_t rows = 0;
    std::size_t cols = 0;
  };
  struct LayerPlaces {
    Place attention_norm, query, key, value, output, ffn_norm, gate, up, down;
    std::vector<tensor::Range> ready;
  };

  template <class T>
  static kernels::Tensor1<T> vector(kernels::Tensor1<T> const& flat, Place const& at) {
    return kernels::Tensor1<T>(flat.data() + at.range.offset, at.rows);
  }
  template <class T>
  static kernels::Tensor2<T> matrix(kernels::Tensor1<T> const& flat, Place const& at) {
    return kernels::Tensor2<T>(flat.data() + at.range.offset, at.rows, at.cols);
  }

  Place embedding_, final_norm_, head_;
  std::vector<LayerPlaces> layers_;
  std::vector<tensor::Range> ready_with_head_;
};

}  // namespace atl::model
