#include "interop/safetensors_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "base/error.hpp"

namespace atl::interop {

namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::uint64_t length_bytes = 8;
constexpr std::size_t max_dimensions = 8;

[[noreturn]] void refuse(std::string const& where, std::string what) {
  throw base::InputError(where, std::move(what), "this is no sound safetensors file: fetch or make it again");
}

// Of those that the format knows; none for others.
std::optional<std::uint64_t> bytes_of_dtype(std::string_view dtype) {
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "BOOL" || dtype == "U8" || dtype == "I8" || dtype.starts_with("F8_")) return 1;
  return std::nullopt;
}

// Takes the table word by word and knows at each what may come next, so that a file decides neither how deep
// nor how large anything grows.
class TableReader final : public Json::json_sax_t {
 public:
  std::vector<StoredTensor> tensors;  // `offset` and `bytes` as in data_offsets: begin and end
  std::string fault;

  bool start_object(std::size_t) override {
    if (at_ == At::start) return enter(At::table);
    if (at_ != At::table) return unexpected("an object");
    if (key_ == "__metadata__") return enter(At::metadata);
    tensors.push_back({.name = key_, .dtype = {}, .shape = {}});
    seen_ = {};
    return enter(At::tensor);
  }
  bool key(std::string& name) override {
    key_ = std::move(name);
    if (at_ != At::tensor) return true;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (key_ == fields[i]) return std::exchange(seen_[i], true) ? refuse_field("is there twice") : true;
    }
    return refuse_field("means nothing here");
  }
  bool end_object() override {
    if (at_ == At::tensor && std::ranges::count(seen_, true) < 3) {
      fault = fmt::format("tensor '{}' needs {}", tensors.back().name, fmt::join(fields, ", "));
      return false;
    }
    return enter(at_ == At::table ? At::end : At::table);
  }
  bool start_array(std::size_t) override {
    if (at_ == At::tensor && key_ == "shape") return enter(At::shape);
    if (at_ == At::tensor && key_ == "data_offsets") return enter(At::offsets);
    return unexpected("a list");
  }
  bool end_array() override {
    if (at_ == At::offsets && offsets_ < 2) return refuse_field("needs two numbers");
    offsets_ = 0;
    return enter(At::tensor);
  }
  bool number_unsigned(std::uint64_t value) override {
    if (at_ == At::shape) {
      if (tensors.back().shape.size() == max_dimensions) return refuse_field("has too many dimensions");
      tensors.back().shape.push_back(value);
      return true;
    }
    if (at_ == At::offsets && offsets_ < 2) {
      (offsets_++ == 0 ? tensors.back().offset : tensors.back().bytes) = value;
      return true;
    }
    return unexpected(std::to_string(value));
  }
  bool string(std::string& text) override {
    if (at_ == At::metadata) return true;
    if (at_ != At::tensor || key_ != "dtype") return unexpected("a text");
    tensors.back().dtype = std::move(text);
    return true;
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a truth value"); }
  bool number_integer(std::int64_t value) override { return unexpected(std::to_string(value)); }
  bool number_float(double, std::string const&) override { return unexpected("a fraction or a huge number"); }
  bool binary(Json::binary_t&) override { return unexpected("binary data"); }
  bool parse_error(std::size_t position, std::string const&, nlohmann::detail::exception const&) override {
    fault = fmt::format("the table is no JSON at its byte {}", position);
    return false;
  }

 private:
  enum class At { start, table, metadata, tensor, shape, offsets, end };
  static constexpr std::array<std::string_view, 3> fields = {"dtype", "shape", "data_offsets"};

  bool enter(At next) {
    at_ = next;
    return true;
  }
  bool unexpected(std::string const& what) {
    fault =
        fmt::format("the table has {} where none may be{}", what, key_.empty() ? "" : ", at '" + key_ + "'");
    return false;
  }
  bool refuse_field(char const* what) {
    fault = fmt::format("'{}' of tensor '{}' {}", key_, tensors.back().name, what);
    return false;
  }

  At at_ = At::start;
  std::string key_;
  std::array<bool, 3> seen_{};
  int offsets_ = 0;
};

void check_names(std::string const& where, std::vector<StoredTensor> const& tensors) {
  std::vector<std::string_view> names;
  for (auto const& tensor : tensors) names.push_back(tensor.name);
  std::ranges::sort(names);
  if (auto const twice = std::ranges::adjacent_find(names); twice != names.end()) {
    refuse(where, fmt::format("tensor '{}' is there twice", *twice));
  }
}

// Turns begin and end within the data, whose size is `data_bytes`, into offset in the file and bytes.
void place(std::string const& where, std::vector<StoredTensor>& tensors, std::uint64_t head_bytes,
           std::uint64_t data_bytes) {
  std::ranges::sort(tensors, {}, [](auto const& tensor) { return std::tie(tensor.offset, tensor.bytes); });
  std::uint64_t end = 0;
  for (auto& tensor : tensors) {
    auto const [from, to] = std::pair(tensor.offset, tensor.bytes);
    auto const fail = [&](std::string const& what) {
      refuse(where, fmt::format("tensor '{}' {}", tensor.name, what));
    };
    if (from != end) fail(fmt::format("begins at byte {}, the one before it ends at {}", from, end));
    if (to < from || to > data_bytes)
      fail(fmt::format("reaches from byte {} to {} of {}", from, to, data_bytes));
    auto const unit = bytes_of_dtype(tensor.dtype);
    if (!unit) fail(fmt::format("has the unknown dtype '{}'", tensor.dtype));
    if (bytes_of_shape(where, tensor.shape, *unit) != to - from) {
      fail(fmt::format("has {} bytes, which {} of shape [{}] do not fill", to - from, tensor.dtype,
                       fmt::join(tensor.shape, ", ")));
    }
    end = to;
    tensor.offset = head_bytes + from;
    tensor.bytes = to - from;
  }
  if (end != data_bytes)
    refuse(where, fmt::format("has {} bytes of data, its table speaks of {}", data_bytes, end));
}

}  // namespace

std::uint64_t bytes_of_shape(std::string const& where, Shape const& shape, std::uint64_t unit) {
  if (std::ranges::count(shape, 0u) > 0) return 0;
  std::uint64_t bytes = unit;
  for (auto const extent : shape) {
    if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / bytes) {
      refuse(where, fmt::format("a tensor of shape [{}] is too large", fmt::join(shape, ", ")));
    }
    bytes *= extent;
  }
  return bytes;
}

std::uint64_t safetensors_table_bytes(std::string const& where, std::span<std::byte const> begin,
                                      std::uint64_t file_bytes) {
  if (begin.size() < length_bytes || file_bytes < length_bytes) {
    refuse(where, fmt::format("has {} bytes, too few for a header", file_bytes));
  }
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, begin.data(), sizeof bytes);
  if (bytes > file_bytes - length_bytes) {
    refuse(where, fmt::format("has {} bytes, its header should have {}", file_bytes, bytes));
  }
  if (bytes > max_safetensors_header_bytes) {
    refuse(where, fmt::format("has a header of {} bytes, more than the format's limit", bytes));
  }
  return bytes;
}

std::vector<StoredTensor> parse_safetensors_header(std::string const& where, std::span<std::byte const> head,
                                                   std::uint64_t file_bytes) {
  auto const table_bytes = safetensors_table_bytes(where, head, file_bytes);
  if (head.size() < length_bytes + table_bytes) refuse(where, "ends within its header");
  auto const table = head.subspan(length_bytes, table_bytes);
  auto const* const text = reinterpret_cast<char const*>(table.data());
  TableReader reader;
  if (!Json::sax_parse(text, text + table.size(), &reader)) refuse(where, std::move(reader.fault));
  check_names(where, reader.tensors);
  place(where, reader.tensors, length_bytes + table_bytes, file_bytes - length_bytes - table_bytes);
  return std::move(reader.tensors);
}

std::string safetensors_header(std::span<NamedShape const> tensors) {
  std::string table = R"({"__metadata__":{"format":"pt"})";  // transformers refuses files that do not say so
  std::uint64_t end = 0;
  for (auto const& [name, shape] : tensors) {
    auto const begin = end;
    end += bytes_of_shape(name, shape, sizeof(float));
    table += fmt::format(R"(,{}:{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})", Json(name).dump(),
                         fmt::join(shape, ","), begin, end);
  }
  table += '}';
  table.resize((table.size() + 7) / 8 * 8, ' ');  // data begin aligned, as the format asks for
  std::uint64_t const bytes = table.size();
  std::string length(length_bytes, '\0');
  std::memcpy(length.data(), &bytes, sizeof bytes);
  return length + table;
}

}  // namespace atl::interop
