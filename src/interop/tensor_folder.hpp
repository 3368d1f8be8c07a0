// The tensors of a Hugging Face model folder: `model.safetensors`, or several files and an index of them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "interop/safetensors_file.hpp"

namespace atl::interop {

class TensorFolder {
 public:
  // Reads the index, if there is one, and the headers. Throws InputError: nothing there, an index that names
  // files elsewhere or missing ones, or that does not agree with the files.
  explicit TensorFolder(std::filesystem::path const& folder);

  struct Place {
    std::size_t file = 0;  // which of the files
    StoredTensor const* tensor = nullptr;
  };
  std::map<std::string, Place, std::less<>> const& tensors() const { return tensors_; }
  void read(Place const& place, std::span<float> values) const {
    files_[place.file].read(*place.tensor, values);
  }

 private:
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Place, std::less<>> tensors_;
};

// Writes `tensors` into one file, or where that would hold more than `max_file_bytes` of them into several,
// each with at least one tensor, and an index. `values_of(i)` is asked for every tensor once, in order, and
// its answer used before the next question. Failures of the system are RuntimeFailures.
void write_tensors(std::filesystem::path const& folder, std::span<NamedShape const> tensors,
                   std::uint64_t max_file_bytes,
                   std::function<std::span<float const>(std::size_t)> const& values_of);

}  // namespace atl::interop
