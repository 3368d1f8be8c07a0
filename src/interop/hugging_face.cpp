#include "interop/hugging_face.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "interop/tensor_names.hpp"

namespace atl::interop {

namespace fs = std::filesystem;

namespace {

constexpr char const* config_name = "config.json";

deck::ModelSection read_config(fs::path const& folder) {
  auto const file = folder / config_name;
  auto const text = base::read_text(file);
  if (!text) throw base::InputError(file.string(), "is missing", "give the folder of a Hugging Face model");
  return parse_config(file.string(), *text);
}

// Finds tensors by name; all of them must be there.
template <class Tensor>
class ByName {
 public:
  explicit ByName(std::span<Tensor const> tensors) {
    for (auto const& tensor : tensors) by_name_.emplace(tensor.name, &tensor);
  }
  std::vector<Tensor const*> parts_of(Counterpart const& theirs) const {
    std::vector<Tensor const*> parts;
    for (auto const& name : theirs.parts) parts.push_back(by_name_.at(name));
    return parts;
  }

 private:
  std::unordered_map<std::string_view, Tensor const*> by_name_;
};

template <class Tensor>
Shape shape_of(Counterpart const& theirs, std::vector<Tensor const*> const& parts) {
  std::uint64_t rows = 0;
  for (auto const* part : parts) rows += part->rows;
  if (parts.front()->kind == tensor::Kind::vector) return {rows};
  std::uint64_t const cols = parts.front()->cols;
  return theirs.transposed ? Shape{cols, rows} : Shape{rows, cols};
}

std::uint64_t elements(std::vector<tensor::Tensor const*> const& parts) {
  std::uint64_t sum = 0;
  for (auto const* part : parts) sum += part->size();
  return sum;
}

// Calls pair(ours, theirs) with the two places of every element: in the flat buffer, in their tensor.
template <class Pair>
void pair_up(Counterpart const& theirs, std::vector<tensor::Tensor const*> const& parts, Pair const& pair) {
  auto const all_rows = elements(parts) / parts.front()->cols;
  std::size_t first_row = 0;
  for (auto const* part : parts) {
    for (std::size_t row = 0; row < part->rows; ++row) {
      for (std::size_t col = 0; col < part->cols; ++col) {
        auto const place =
            theirs.transposed ? col * all_rows + first_row + row : (first_row + row) * part->cols + col;
        pair(part->range.offset + row * part->cols + col, place);
      }
    }
    first_row += part->rows;
  }
}

}  // namespace

HuggingFaceModel::HuggingFaceModel(fs::path const& folder)
    : folder_(folder), model_(read_config(folder)), tensors_(folder) {
  std::vector<base::Problem> problems;
  auto const refuse = [&](std::string what) {
    problems.push_back(
        {folder.string(), std::move(what), "fetch or make config.json and tensor files again"});
  };
  if (tensors_.tensors().size() < static_cast<std::size_t>(model_.layers)) {
    throw base::InputError(folder.string(),
                           fmt::format("holds {} tensors for the {} layers of its config.json",
                                       tensors_.tensors().size(), model_.layers),
                           "fetch or make it again");
  }
  auto const specs = model::parameter_specs(model_);
  ByName<tensor::TensorSpec> const ours(specs);
  std::set<StoredTensor const*> expected;
  for (auto const& theirs : counterparts(model_)) {
    auto const shape = shape_of(theirs, ours.parts_of(theirs));
    auto const* place = find(theirs.name);
    if (place == nullptr) {
      refuse(fmt::format("has no tensor '{}'", theirs.name));
    } else if (expected.insert(place->tensor); place->tensor->shape != shape) {
      refuse(fmt::format("'{}' has shape [{}]; this model's is [{}]", theirs.name,
                         fmt::join(place->tensor->shape, ", "), fmt::join(shape, ", ")));
    }
  }
  for (auto const& [name, place] : tensors_.tensors()) {
    if (!expected.contains(place.tensor) && !is_redundant(name, model_)) {
      refuse(fmt::format("has the tensor '{}', which this model does not use", name));
    }
  }
  constexpr std::size_t most_problems = 10;
  if (problems.size() > most_problems) problems.resize(most_problems);
  if (!problems.empty()) throw base::InputError(std::move(problems));
}

TensorFolder::Place const* HuggingFaceModel::find(std::string const& name) const {
  auto const& tensors = tensors_.tensors();
  auto found = tensors.find(name);
  // GPT-2's own files were saved from the model without its head.
  constexpr std::string_view body = "transformer.";
  if (found == tensors.end() && name.starts_with(body)) found = tensors.find(name.substr(body.size()));
  return found == tensors.end() ? nullptr : &found->second;
}

void HuggingFaceModel::read(tensor::ParamTable const& table, std::span<float> values) const {
  ByName<tensor::Tensor> const ours(table.tensors());
  std::vector<float> buffer;
  for (auto const& theirs : counterparts(model_)) {
    auto const parts = ours.parts_of(theirs);
    buffer.resize(elements(parts));
    tensors_.read(*find(theirs.name), buffer);
    if (!std::ranges::all_of(buffer, [](float value) { return std::isfinite(value); })) {
      throw base::InputError(folder_.string(),
                             fmt::format("'{}' holds values that are not finite", theirs.name),
                             "fetch or make the tensor files again, from a model that has not diverged");
    }
    pair_up(theirs, parts, [&](std::size_t own, std::size_t other) { values[own] = buffer[other]; });
  }
}

void write_hugging_face(fs::path const& folder, deck::ModelSection const& model,
                        tensor::ParamTable const& table, std::span<float const> values,
                        ExportOptions const& options) {
  ByName<tensor::Tensor> const ours(table.tensors());
  auto const all = counterparts(model);
  std::vector<NamedShape> shapes;
  for (auto const& theirs : all) shapes.push_back({theirs.name, shape_of(theirs, ours.parts_of(theirs))});
  std::vector<float> buffer;
  write_tensors(folder, shapes, options.max_file_bytes, [&](std::size_t i) -> std::span<float const> {
    auto const parts = ours.parts_of(all[i]);
    buffer.resize(elements(parts));
    pair_up(all[i], parts, [&](std::size_t own, std::size_t other) { buffer[other] = values[own]; });
    return buffer;
  });
  base::publish_text(folder / config_name, config_json(model, options.special));
}

}  // namespace atl::interop
