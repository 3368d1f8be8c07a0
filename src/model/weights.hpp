// The flat parameter (or gradient) buffer seen as the tensors of the model.
#pragma once

#include <span>
#include <vector>

#include "deck/config.hpp"
#include "model/views.hpp"
#include "tensor/param_table.hpp"

namespace atl::model {

// A tensor that the family lacks is empty. T is float or float const.
template <class T>
struct Norm {
  Tensor1<T> weight, bias;  // (C); with a bias it is a LayerNorm, else a root-mean-square norm
};
// Matrices can be of another number type, M, than the rest.
template <class T, class M = T>
struct Linear {
  Tensor2<M> weight;       // (outputs, inputs)
  Tensor1<T> bias;         // (outputs)
  Tensor1<M> narrow_bias;  // the same, of the matrix's numbers
};
template <class T, class M = T>
struct LayerWeights {
  Norm<T> attention_norm;
  Linear<T, M> query, key, value, output;  // (H D, C), (G D, C), (G D, C), (C, H D)
  Norm<T> ffn_norm;
  Linear<T, M> gate, up, down;  // (F, C), (F, C), (C, F)
};

// Of a model whose products read Real.
template <class Real>
using LayerParameters = LayerWeights<float const, Real const>;

// The flat parameters, and what products read of them: the same, or their bf16 copy.
template <class Real>
struct Parameters {
  Tensor1<float const> values;
  Tensor1<Real const> matrices;
};

// Where each tensor of the model lies in the flat buffer: names are looked up once, here.
class WeightMap {
 public:
  WeightMap(deck::ModelSection const& model, tensor::ParamTable const& table);

  template <class T>
  Tensor2<T> embedding(Tensor1<T> const& flat) const {  // (V, C)
    return matrix(flat, embedding_);
  }
  template <class T>
  Tensor2<T> positions(Tensor1<T> const& flat) const {  // (T, C); empty with rotary positions
    return matrix(flat, positions_);
  }
  LayerWeights<float> layer(Tensor1<float> const& flat, std::size_t l) const { return layer(flat, flat, l); }
  template <class Real>
  LayerParameters<Real> layer(Parameters<Real> const& flat, std::size_t l) const {
    return layer(flat.values, flat.matrices, l);
  }
  template <class T>
  Norm<T> final_norm(Tensor1<T> const& flat) const {
    return norm(flat, final_norm_);
  }
  template <class T>
  Tensor2<T> head(Tensor1<T> const& flat) const {  // (V, C); or the embedding, if tied
    return matrix(flat, head_);
  }

  // All gradients but those of matrices that are factors, which the first product of a step overwrites.
  std::span<tensor::Range const> accumulated() const { return accumulated_; }

  // What the forward pass reads first, with layer l and last, as contiguous ranges. The backward pass
  // completes the gradients in the order that is the reverse of it.
  std::span<tensor::Range const> of_embedding() const { return of_embedding_; }
  std::span<tensor::Range const> of_attention(std::size_t l) const { return layers_[l].of_attention; }
  std::span<tensor::Range const> of_ffn(std::size_t l) const { return layers_[l].of_ffn; }
  std::span<tensor::Range const> of_head() const { return of_head_; }  // what is not the embedding

 private:
  struct Place {
    tensor::Range range;
    std::size_t rows = 0;
    std::size_t cols = 0;
  };
  struct BiasedPlace {
    Place weight, bias;
  };
  struct LayerPlaces {
    BiasedPlace attention_norm, query, key, value, output, ffn_norm, gate, up, down;
    std::vector<tensor::Range> of_attention, of_ffn;
  };

  template <class T>
  static Tensor1<T> vector(Tensor1<T> const& flat, Place const& at) {
    return Tensor1<T>(flat.data() + at.range.offset, at.rows);
  }
  template <class T>
  static Tensor2<T> matrix(Tensor1<T> const& flat, Place const& at) {
    return Tensor2<T>(flat.data() + at.range.offset, at.rows, at.cols);
  }
  template <class T>
  static Norm<T> norm(Tensor1<T> const& flat, BiasedPlace const& at) {
    return {vector(flat, at.weight), vector(flat, at.bias)};
  }
  template <class T, class M>
  static Linear<T, M> linear(Tensor1<T> const& values, Tensor1<M> const& matrices, BiasedPlace const& at) {
    return {matrix(matrices, at.weight), vector(values, at.bias), vector(matrices, at.bias)};
  }
  template <class T, class M>
  LayerWeights<T, M> layer(Tensor1<T> const& values, Tensor1<M> const& matrices, std::size_t l) const {
    LayerPlaces const& at = layers_[l];
    auto const linear_at = [&](BiasedPlace const& place) { return linear(values, matrices, place); };
    return {norm(values, at.attention_norm),
            linear_at(at.query),
            linear_at(at.key),
            linear_at(at.value),
            linear_at(at.output),
            norm(values, at.ffn_norm),
            linear_at(at.gate),
            linear_at(at.up),
            linear_at(at.down)};
  }

  Place embedding_, positions_, head_;
  BiasedPlace final_norm_;
  std::vector<LayerPlaces> layers_;
  std::vector<tensor::Range> accumulated_;
  std::vector<tensor::Range> of_embedding_, of_head_;
};

}  // namespace atl::model
