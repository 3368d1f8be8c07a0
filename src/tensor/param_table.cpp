#include "tensor/param_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace atl::tensor {

ParamTable::ParamTable(std::vector<TensorSpec> specs, std::span<int const> fragment_of, int fragments) {
  base::ensure(specs.size() == fragment_of.size(), "every tensor needs a fragment");
  for (std::size_t i = 0; i < specs.size(); ++i) {
    base::ensure(fragment_of[i] >= 0 && fragment_of[i] < fragments, "fragment out of range");
    tensors_.push_back({std::move(specs[i]), fragment_of[i], {}});
  }
  for (int p = 0; p < fragments; ++p) {
    Range fragment{size_, 0};
    for (auto& tensor : tensors_) {
      if (tensor.fragment != p) continue;
      tensor.range = {size_, tensor.size()};
      size_ += tensor.size();
    }
    fragment.size = size_ - fragment.offset;
    base::ensure(fragment.size > 0, "a fragment is empty");
    fragment_ranges_.push_back(fragment);
  }
}

std::size_t ParamTable::largest_fragment() const {
  return std::ranges::max(fragment_ranges_, {}, &Range::size).size;
}

Tensor const& ParamTable::find(std::string_view name) const {
  for (auto const& tensor : tensors_) {
    if (tensor.name == name) return tensor;
  }
  throw base::RuntimeFailure(fmt::format("the model has no tensor '{}'", name));
}

std::vector<Tensor const*> ParamTable::tensors_of(int p) const {
  std::vector<Tensor const*> found;
  for (auto const& tensor : tensors_) {
    if (tensor.fragment == p) found.push_back(&tensor);
  }
  return found;
}

base::Digest ParamTable::digest() const {
  std::string text;
  for (auto const& tensor : tensors_) {
    text += fmt::format("{} {} {}x{} {} {}\n", tensor.name, static_cast<int>(tensor.kind), tensor.rows,
                        tensor.cols, tensor.fragment, tensor.range.offset);
  }
  return base::digest_of(text);
}

}  // namespace atl::tensor
