#include "model/activations.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/pieces.hpp"
#include "kernels/rope.hpp"

namespace atl::model {

namespace {

// Logits computed at a time, in floats: few enough for the cache, enough rows for the product that sums over
// them and reads and writes the whole gradient of the head.
constexpr std::size_t logits_floats = std::size_t{1} << 20;
constexpr std::size_t least_logits_rows = 256;

std::size_t logits_rows(std::size_t rows, std::size_t vocab) {
  return std::min(rows, std::max(least_logits_rows, logits_floats / vocab));
}

}  // namespace

// Hands out consecutive pieces of a buffer; without a buffer it only counts.
template <class Real>
class Activations<Real>::Cutter {
 public:
  explicit Cutter(float* base) : pieces_(base) {}

  Tensor1<float> vector(std::size_t size) { return Tensor1<float>(pieces_.take(size), size); }
  Tensor2<float> matrix(std::size_t rows, std::size_t cols) {
    return Tensor2<float>(pieces_.take(rows * cols), rows, cols);
  }
  Tensor2<Real> reals(std::size_t rows, std::size_t cols) {
    std::size_t const floats = (rows * cols * sizeof(Real) + sizeof(float) - 1) / sizeof(float);
    return Tensor2<Real>(reinterpret_cast<Real*>(pieces_.take(floats)), rows, cols);
  }
  // Room for what products read of a matrix of floats: the matrix itself, if they read floats.
  Tensor2<Real> read_as(Tensor2<float> const& x) {
    if constexpr (std::is_same_v<Real, float>)
      return x;
    else
      return reals(x.extent(0), x.extent(1));
  }
  Tensor3<float> cube(std::size_t a, std::size_t b, std::size_t c) {
    return Tensor3<float>(pieces_.take(a * b * c), a, b, c);
  }
  NormedStream<Real> stream(Tensor2<Real> const& normed, bool with_mean) {
    std::size_t const rows = normed.extent(0);
    return {matrix(rows, normed.extent(1)), normed, vector(with_mean ? rows : 0), vector(rows)};
  }
  std::size_t used() const { return pieces_.used(); }

 private:
  kernels::Pieces pieces_;
};

template <class Real>
Activations<Real>::Activations(deck::ModelSection const& model)
    : norm_eps(static_cast<float>(model.norm_eps)), recompute(model.recompute), model_(model) {}

template <class Real>
Activations<Real>::Activations(Exec const& exec, deck::ModelSection const& model, int max_sequences)
    : Activations(model) {
  bool const rotates = model.family == deck::Family::llama;
  base::ensure(max_sequences > 0, "there is room for a sequence");
  base::ensure(model.width % model.heads == 0 && (!rotates || model.width / model.heads % 2 == 0),
               "heads have a whole width, an even one to be rotated");
  base::ensure(model.heads % model.kv_heads == 0, "key/value heads divide the heads");
  max_rows_ = static_cast<std::size_t>(max_sequences) * static_cast<std::size_t>(model.context);
  Cutter count(nullptr);
  cut(count, max_sequences, model.context);
  floats_ = kernels::make_float_buffer("activations", count.used());
  token_buffer_ = kernels::TokenBuffer("tokens", 2 * max_rows_);
  shape_for(max_sequences, model.context);
  if (rotates) kernels::rope_tables(exec, model.rope_theta, cosine, sine);
}

template <class Real>
void Activations<Real>::shape_for(int sequences, int length) {
  auto const rows = static_cast<std::size_t>(sequences) * static_cast<std::size_t>(length);
  base::ensure(sequences > 0 && length > 0 && length <= model_.context && rows <= max_rows_,
               "a batch fits the model's buffers");
  Cutter cutter(floats_.data());
  cut(cutter, sequences, length);
  base::ensure(cutter.used() <= floats_.size(), "a batch fits the model's buffers");
  tokens = Tensor1<std::int32_t>(token_buffer_.data(), rows);
  targets = Tensor1<std::int32_t>(token_buffer_.data() + max_rows_, rows);
}

template <class Real>
void Activations<Real>::cut(Cutter& cutter, int sequences, int length) {
  auto const size = [](int value) { return static_cast<std::size_t>(value); };
  std::size_t const rows = size(sequences) * size(length);
  std::size_t const width = size(model_.width), ffn_width = size(model_.ffn_width),
                    vocab = size(model_.vocab);
  attention = {size(sequences), size(length), size(model_.heads), size(model_.kv_heads),
               width / size(model_.heads)};
  bool const is_gpt2 = model_.family == deck::Family::gpt2;

  // First, so that they stay where they are in every shape: computed once.
  std::size_t const rotated_pairs = is_gpt2 ? 0 : attention.head_dim / 2;
  cosine = cutter.matrix(size(model_.context), rotated_pairs);
  sine = cutter.matrix(size(model_.context), rotated_pairs);

  auto const normed = cutter.reals(rows, width);
  layers.resize(size(model_.layers));
  for (auto& layer : layers) {
    if (recompute && &layer != &layers.front()) {
      layer = layers.front();
      layer.attention_in.x = cutter.matrix(rows, width);
      continue;
    }
    layer.attention_in = cutter.stream(normed, is_gpt2);
    layer.qkv = cutter.reals(rows, attention.qkv_width());
    layer.lse = cutter.cube(attention.batch, attention.heads, attention.context);
    layer.mixed = cutter.reals(rows, width);
    layer.ffn_in = cutter.stream(normed, is_gpt2);
    layer.gate_up = cutter.reals(rows, (is_gpt2 ? 1 : 2) * ffn_width);
  }
  head_in = cutter.stream(normed, is_gpt2);
  losses = cutter.vector(rows);
  logits = cutter.matrix(logits_rows(rows, vocab), vocab);
  dlogits = cutter.read_as(logits);
  branch = cutter.matrix(rows, width);
  dx = cutter.matrix(rows, width);
  dx_read = cutter.read_as(dx);
  dmixed = cutter.read_as(branch);
  dqkv = cutter.reals(rows, attention.qkv_width());
  gated = cutter.reals(rows, ffn_width);
  attention_workspace = cutter.vector(kernels::attention_workspace_size<Real>(attention));
}

template <class Real>
std::size_t Activations<Real>::bytes_for(deck::ModelSection const& model, int max_sequences) {
  Activations unallocated(model);
  Cutter count(nullptr);
  unallocated.cut(count, max_sequences, model.context);
  auto const rows = static_cast<std::size_t>(max_sequences) * static_cast<std::size_t>(model.context);
  return count.used() * sizeof(float) + 2 * rows * sizeof(std::int32_t);
}

template <class Real>
std::size_t Activations<Real>::bytes() const {
  return floats_.size() * sizeof(float) + token_buffer_.size() * sizeof(std::int32_t);
}

template class Activations<float>;
template class Activations<Bf16>;

}  // namespace atl::model
