// Token files of other programs, byte by byte.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace atl::test {

template <class... Numbers>
std::string bytes_of(Numbers... numbers) {
  std::string bytes;
  auto const append = [&](auto number) {
    char raw[sizeof number];
    std::memcpy(raw, &number, sizeof number);
    bytes.append(raw, sizeof number);
  };
  (append(numbers), ...);
  return bytes;
}

template <class Number>
std::string bytes_of(std::vector<Number> const& numbers) {
  std::string bytes;
  for (auto const number : numbers) bytes += bytes_of(number);
  return bytes;
}

inline std::span<std::byte const> as_bytes(std::string const& text) { return std::as_bytes(std::span(text)); }

inline std::string llmc_header(std::int32_t magic, std::int32_t version, std::int32_t tokens) {
  auto header = bytes_of(magic, version, tokens);
  header.resize(1024, '\0');
  return header;
}

// The .idx file of a Megatron pair; its fields can be set to false values.
struct MegatronIndex {
  std::string magic = std::string("MMIDIDX\0\0", 9);
  std::uint64_t version = 1;
  std::uint8_t type = 8;  // uint16
  std::vector<std::int32_t> lengths;
  std::vector<std::int64_t> places;
  std::vector<std::int64_t> documents;
  std::uint64_t sequences = 0, entries = 0;  // what the header says

  // Every sequence is a document.
  MegatronIndex(std::vector<std::int32_t> of_lengths, std::int64_t width) : lengths(std::move(of_lengths)) {
    std::int64_t place = 0;
    for (auto const length : lengths) {
      documents.push_back(static_cast<std::int64_t>(places.size()));
      places.push_back(place);
      place += length * width;
    }
    documents.push_back(static_cast<std::int64_t>(places.size()));
    sequences = lengths.size();
    entries = documents.size();
  }

  std::string bytes() const {
    return magic + bytes_of(version, type, sequences, entries) + bytes_of(lengths) + bytes_of(places) +
           bytes_of(documents);
  }
};

}  // namespace atl::test
