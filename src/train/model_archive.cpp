#include "train/model_archive.hpp"

namespace atl::train {

void save_tensors(base::Writer& model, std::span<tensor::Tensor const* const> tensors, std::size_t offset,
                  std::span<float const> values) {
  for (auto const* tensor : tensors) {
    model.write(tensor->name, values.subspan(tensor->range.offset - offset, tensor->size()));
  }
}

void load_tensors(base::Reader const& model, std::span<tensor::Tensor const* const> tensors,
                  std::size_t offset, std::span<float> values) {
  for (auto const* tensor : tensors) {
    model.read(tensor->name, values.subspan(tensor->range.offset - offset, tensor->size()));
  }
}

}  // namespace atl::train
