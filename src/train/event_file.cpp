#include "train/event_file.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace atl::train {

namespace {

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    table[byte] = crc;
  }
  return table;
}();

// A checksum that lies within checksummed data is rotated and shifted first (TensorFlow's record format).
std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8U; }

// Both formats are little-endian.
template <typename Unsigned>
std::string fixed(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes += static_cast<char>(value);
}

// Protocol-buffer fields: the key is the field's number and how its value is stored.
std::string integer_field(std::uint64_t number, std::uint64_t value) {
  return varint(number << 3) + varint(value);
}
std::string double_field(std::uint64_t number, double value) {
  return varint(number << 3 | 1) + fixed(std::bit_cast<std::uint64_t>(value));
}
std::string bytes_field(std::uint64_t number, std::string_view value) {
  return varint(number << 3 | 2) + varint(value.size()) + std::string(value);
}
std::string float_field(std::uint64_t number, float value) {
  return varint(number << 3 | 5) + fixed(std::bit_cast<std::uint32_t>(value));
}

// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
//         SessionLog session_log = 7; }
std::string event(std::uint64_t step, double wall_time_s) {
  return double_field(1, wall_time_s) + integer_field(2, step);
}

// Summary.Value { string tag = 1; float simple_value = 2; }
std::string summary_value(EventFile::Scalar const& scalar) {
  return bytes_field(1, scalar.tag) + float_field(2, static_cast<float>(scalar.value));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (char const byte : bytes) crc = crc >> 8 ^ crc_table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff];
  return ~crc;
}

EventFile::EventFile(std::filesystem::path const& file, std::uint64_t first_step, double wall_time_s)
    : file_(std::fopen(file.c_str(), "wb"), &std::fclose) {
  constexpr std::uint64_t session_start = 1;  // SessionLog { SessionStatus status = 1; }
  bool const written =
      file_ && append(event(0, wall_time_s) + bytes_field(3, "brain.Event:2")) &&
      append(event(first_step, wall_time_s) + bytes_field(7, integer_field(1, session_start)));
  if (!written)
    throw base::RuntimeFailure(fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
}

bool EventFile::write(std::uint64_t step, double wall_time_s, std::span<Scalar const> scalars) {
  std::string summary;
  for (auto const& scalar : scalars) summary += bytes_field(1, summary_value(scalar));
  return append(event(step, wall_time_s) + bytes_field(5, summary));
}

bool EventFile::append(std::string const& event) {
  auto const length = fixed<std::uint64_t>(event.size());
  auto const record = length + fixed(masked_crc(length)) + event + fixed(masked_crc(event));
  return std::fwrite(record.data(), 1, record.size(), file_.get()) == record.size() &&
         std::fflush(file_.get()) == 0;
}

}  // namespace atl::train
