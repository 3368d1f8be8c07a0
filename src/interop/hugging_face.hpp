// Models as folders that Hugging Face's transformers loads and saves: config.json and safetensors files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "interop/config_json.hpp"
#include "interop/tensor_folder.hpp"
#include "tensor/param_table.hpp"

namespace atl::interop {

// A model folder, opened.
class HuggingFaceModel {
 public:
  // Reads config.json and the headers of the tensor files, and checks that they hold the tensors of such a
  // model with their shapes, and no others. Throws InputError with all that is wrong.
  explicit HuggingFaceModel(std::filesystem::path const& folder);

  deck::ModelSection const& model() const { return model_; }

  // All parameters, into the flat buffer of `table`, a table of this model. Needs memory for the largest
  // tensor beside it. Throws InputError where one holds values that are not finite.
  void read(tensor::ParamTable const& table, std::span<float> values) const;

 private:
  TensorFolder::Place const* find(std::string const& name) const;

  std::filesystem::path folder_;
  deck::ModelSection model_;
  TensorFolder tensors_;
};

struct ExportOptions {
  std::uint64_t max_file_bytes = std::uint64_t{4} << 30;
  SpecialTokens special;
};

// Writes the folder, which exists: tensors first and config.json last, so that what was interrupted is no
// model. The same model gives the same bytes. `values` is the flat buffer of `table`.
void write_hugging_face(std::filesystem::path const& folder, deck::ModelSection const& model,
                        tensor::ParamTable const& table, std::span<float const> values,
                        ExportOptions const& options);

}  // namespace atl::interop
