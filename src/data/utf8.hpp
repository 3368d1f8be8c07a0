// Repair of UTF-8: invalid byte sequences become U+FFFD, and are counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace atl::data {

// What was wrong with a text.
struct Replacement {
  std::uint64_t count = 0;         // invalid sequences, each replaced by one U+FFFD
  std::uint64_t first_offset = 0;  // of the first one, in bytes of the text as it was
};

// Bytes of the valid character that `text` begins with; 0 where it begins with none (RFC 3629: nothing
// overlong, no surrogates, nothing above U+10FFFF). `text` is not empty.
std::size_t utf8_character_bytes(std::string_view text);

// Replaces every maximal part of an invalid sequence by one U+FFFD (Unicode 15, section 3.9, "substitution of
// maximal subparts"): what Python, Rust and web browsers do.
Replacement repair_utf8(std::string& text);

}  // namespace atl::data
