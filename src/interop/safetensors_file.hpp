// Safetensors files on disk: tensor by tensor, by positioned reads, and written under a temporary name.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/open_file.hpp"
#include "interop/safetensors_header.hpp"

namespace atl::interop {

class SafetensorsFile {
 public:
  // Reads and checks the header alone. Throws InputError.
  explicit SafetensorsFile(std::filesystem::path const& file);

  std::filesystem::path const& path() const { return file_.path(); }
  std::span<StoredTensor const> tensors() const { return tensors_; }

  // One of tensors(), of dtype F32, BF16 or F16, as fp32: every value is kept exactly. `values` has as many
  // elements as the tensor. Throws InputError for another dtype, or where the file has become shorter.
  void read(StoredTensor const& tensor, std::span<float> values) const;

 private:
  void read_bytes(std::uint64_t offset, std::span<std::byte> bytes) const;

  std::uint64_t bytes_;
  base::OpenFile file_;
  std::vector<StoredTensor> tensors_;
};

// Writes fp32. Without finish() nothing remains; failures of the system are RuntimeFailures.
class SafetensorsWriter {
 public:
  SafetensorsWriter(std::filesystem::path file, std::span<NamedShape const> tensors);

  // The values of the next tensor.
  void append(std::span<float const> values);
  void finish();

 private:
  base::AtomicFile file_;
  std::uint64_t expected_ = 0;
};

}  // namespace atl::interop
