#include "interop/tensor_folder.hpp"

#include <fmt/format.h>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "interop/json_object.hpp"

namespace atl::interop {

namespace fs = std::filesystem;

namespace {

constexpr char const* single_name = "model.safetensors";
constexpr char const* index_name = "model.safetensors.index.json";

// Which file each tensor is said to be in.
std::map<std::string, std::string> read_index(fs::path const& index) {
  auto const refuse = [&](std::string what) {
    throw base::InputError(index.string(), std::move(what), "fetch or make it again");
  };
  auto const json = read_object(index);
  auto const files = json.find("weight_map");
  if (files == json.end() || !files->is_object() || files->empty()) refuse("has no 'weight_map'");
  std::map<std::string, std::string> file_of;
  for (auto const& [tensor, file] : files->items()) {
    if (!file.is_string()) refuse(fmt::format("names no file for '{}'", tensor));
    auto const& name = file.get_ref<std::string const&>();
    if (fs::path(name).filename() != name || name == "." || name == ".." || name.empty()) {
      refuse(fmt::format("says '{}' is in '{}', which is not a file beside it", tensor, name));
    }
    file_of[tensor] = name;
  }
  return file_of;
}

}  // namespace

TensorFolder::TensorFolder(fs::path const& folder) {
  auto const index = folder / index_name;
  std::map<std::string, std::string> indexed;
  std::map<std::string, std::vector<std::string>> by_file;
  if (fs::exists(index)) {
    indexed = read_index(index);
    for (auto const& [tensor, file] : indexed) by_file[file].push_back(tensor);
  } else if (fs::exists(folder / single_name)) {
    by_file[single_name];
  } else {
    throw base::InputError(folder.string(), fmt::format("holds neither {} nor {}", single_name, index_name),
                           "give a model's folder; other formats must be saved as safetensors first");
  }

  files_.reserve(by_file.size());  // places point into the files
  for (auto const& [file, expected] : by_file) {
    auto const number = files_.size();
    for (auto const& tensor : files_.emplace_back(folder / file).tensors()) {
      auto const said = indexed.find(tensor.name);
      if (!expected.empty() && (said == indexed.end() || said->second != file)) {
        throw base::InputError(index.string(),
                               fmt::format("does not say that '{}' is in {}", tensor.name, file),
                               "fetch or make all files again");
      }
      tensors_[tensor.name] = {number, &tensor};
    }
  }
  for (auto const& [tensor, file] : indexed) {
    if (!tensors_.contains(tensor)) {
      throw base::InputError((folder / file).string(),
                             fmt::format("does not hold '{}', as the index says", tensor),
                             "fetch or make all files again");
    }
  }
}

void write_tensors(fs::path const& folder, std::span<NamedShape const> tensors, std::uint64_t max_file_bytes,
                   std::function<std::span<float const>(std::size_t)> const& values_of) {
  std::vector<std::span<NamedShape const>> parts;  // what each file holds
  std::uint64_t total = 0, part_bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto const bytes = bytes_of_shape(tensors[i].name, tensors[i].shape, sizeof(float));
    if (parts.empty() || part_bytes + bytes > max_file_bytes) {
      parts.push_back(tensors.subspan(i, 0));
      part_bytes = 0;
    }
    parts.back() = {parts.back().data(), parts.back().size() + 1};
    part_bytes += bytes;
    total += bytes;
  }

  Json weight_map;
  std::size_t next = 0;
  for (std::size_t n = 0; n < parts.size(); ++n) {
    auto const file = parts.size() == 1
                          ? single_name
                          : fmt::format("model-{:05}-of-{:05}.safetensors", n + 1, parts.size());
    SafetensorsWriter writer(folder / file, parts[n]);
    for (auto const& tensor : parts[n]) {
      weight_map[tensor.name] = file;
      writer.append(values_of(next++));
    }
    writer.finish();
  }
  if (parts.size() > 1) {
    Json const index = {{"metadata", {{"total_size", total}}}, {"weight_map", std::move(weight_map)}};
    base::publish_text(folder / index_name, index.dump(2) + '\n');
  }
}

}  // namespace atl::interop
