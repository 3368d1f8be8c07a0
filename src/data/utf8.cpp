#include "data/utf8.hpp"

namespace atl::data {

namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// A sequence as its first byte announces it: its length, and the range of its second byte, which alone rules
// out overlong forms, surrogates and what lies above U+10FFFF.
struct Announced {
  std::size_t bytes = 0;
  unsigned char second_from = 0x80, second_to = 0xBF;
};

Announced announced_by(unsigned char first) {
  if (first < 0x80) return {1};
  if (first < 0xC2) return {0};
  if (first < 0xE0) return {2};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first < 0xF4) return {4};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

struct Sequence {
  std::size_t bytes;  // of the character, or of the part of it that is to be replaced
  bool valid;
};

Sequence first_sequence(std::string_view text) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const announced = announced_by(byte(0));
  if (announced.bytes == 0) return {1, false};
  for (std::size_t i = 1; i < announced.bytes; ++i) {
    unsigned char const from = i == 1 ? announced.second_from : 0x80;
    unsigned char const to = i == 1 ? announced.second_to : 0xBF;
    if (i == text.size() || byte(i) < from || byte(i) > to) return {i, false};
  }
  return {announced.bytes, true};
}

}  // namespace

std::size_t utf8_character_bytes(std::string_view text) {
  auto const sequence = first_sequence(text);
  return sequence.valid ? sequence.bytes : 0;
}

Replacement repair_utf8(std::string& text) {
  Replacement replaced;
  std::string repaired;
  std::size_t kept = 0;  // text[..kept] is in `repaired` already
  for (std::size_t at = 0; at < text.size();) {
    auto const sequence = first_sequence(std::string_view(text).substr(at));
    if (!sequence.valid) {
      if (replaced.count++ == 0) replaced.first_offset = at;
      repaired.append(text, kept, at - kept).append(replacement_character);
      kept = at + sequence.bytes;
    }
    at += sequence.bytes;
  }
  if (replaced.count > 0) text = repaired.append(text, kept);
  return replaced;
}

}  // namespace atl::data
