#include "interop/safetensors_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace atl::interop {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t block_elements = std::size_t{1} << 19;

float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// IEEE binary16: 1 sign, 5 exponent and 10 mantissa bits.
float from_f16(std::uint16_t bits) {
  std::uint32_t const sign = std::uint32_t{bits} >> 15 << 31;
  std::uint32_t const exponent = bits >> 10 & 0x1F;
  std::uint32_t const mantissa = bits & 0x3FF;
  if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(mantissa), -24), sign ? -1.0f : 1.0f);
  std::uint32_t const wide_exponent = exponent == 0x1F ? 0xFF : exponent + 112;
  return std::bit_cast<float>(sign | wide_exponent << 23 | mantissa << 13);
}

// Of a regular file: opening anything else may block.
std::uint64_t size_of(fs::path const& file) {
  std::error_code error;
  std::uint64_t const bytes = fs::file_size(file, error);
  if (error) throw base::InputError(file.string(), error.message(), "give the safetensors files of a model");
  return bytes;
}

}  // namespace

SafetensorsFile::SafetensorsFile(fs::path const& file) : bytes_(size_of(file)), file_(file, O_RDONLY) {
  auto const where = file.string();
  std::vector<std::byte> head(8);
  head.resize(file_.read(0, head));
  head.resize(head.size() + safetensors_table_bytes(where, head, bytes_));
  head.resize(file_.read(0, head));
  tensors_ = parse_safetensors_header(where, head, bytes_);
}

void SafetensorsFile::read_bytes(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (file_.read(offset, bytes) < bytes.size()) {
    throw base::InputError(path().string(), "has become shorter since it was opened", "fetch it again");
  }
}

void SafetensorsFile::read(StoredTensor const& tensor, std::span<float> values) const {
  if (tensor.dtype == "F32") {
    base::ensure(tensor.bytes == values.size_bytes(), "a tensor is read as a whole");
    return read_bytes(tensor.offset, std::as_writable_bytes(values));
  }
  bool const is_bf16 = tensor.dtype == "BF16";
  if (!is_bf16 && tensor.dtype != "F16") {
    throw base::InputError(
        path().string(),
        fmt::format("tensor '{}' is {}; only F32, BF16 and F16 can be read", tensor.name, tensor.dtype),
        "convert it to float32 with transformers");
  }
  base::ensure(tensor.bytes == sizeof(std::uint16_t) * values.size(), "a tensor is read as a whole");
  std::vector<std::uint16_t> block(std::min(block_elements, values.size()));
  for (std::size_t first = 0; first < values.size(); first += block.size()) {
    auto const part = std::span(block).first(std::min(block.size(), values.size() - first));
    read_bytes(tensor.offset + sizeof(std::uint16_t) * first, std::as_writable_bytes(part));
    std::ranges::transform(part, values.begin() + static_cast<std::ptrdiff_t>(first),
                           is_bf16 ? from_bf16 : from_f16);
  }
}

SafetensorsWriter::SafetensorsWriter(fs::path file, std::span<NamedShape const> tensors)
    : file_(std::move(file)) {
  auto const header = safetensors_header(tensors);
  file_.append(std::as_bytes(std::span(header)));
  expected_ = header.size();
  for (auto const& [name, shape] : tensors) expected_ += bytes_of_shape(name, shape, sizeof(float));
}

void SafetensorsWriter::append(std::span<float const> values) { file_.append(std::as_bytes(values)); }

void SafetensorsWriter::finish() {
  base::ensure(file_.size() == expected_, "every tensor of the header has been written");
  file_.commit();
}

}  // namespace atl::interop
