// Repair of UTF-8: what is replaced, by what, and how it is counted.
#include "data/utf8.hpp"

#include <string>

#include "support/catch.hpp"

using namespace atl::data;

namespace {

// The repaired text, with '?' for every replacement character.
std::string repaired(std::string text) {
  repair_utf8(text);
  std::string const replacement = "\xEF\xBF\xBD";
  std::string shown;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(replacement, from)) != text.npos; from = at + replacement.size()) {
    shown.append(text, from, at - from).push_back('?');
  }
  return shown.append(text, from);
}

}  // namespace

TEST_CASE("valid UTF-8 is left alone, up to the limits of every length") {
  std::string text =
      GENERATE(as<std::string>(), "", "plain", std::string("\0\x01\x7F", 3), "\xC2\x80 \xDF\xBF",
               "\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF", "\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF");
  auto const before = text;
  auto const replaced = repair_utf8(text);
  CHECK(replaced.count == 0);
  CHECK(text == before);
}

TEST_CASE("every maximal part of an invalid sequence becomes one replacement character") {
  CHECK(repaired("a\x80z") == "a?z");                              // a stray continuation
  CHECK(repaired("\xC0\xAF") == "??");                             // overlong '/'
  CHECK(repaired("\xE0\x80\xAF") == "???");                        // overlong
  CHECK(repaired("\xED\xA0\x80") == "???");                        // a surrogate
  CHECK(repaired("\xF4\x90\x80\x80") == "????");                   // above U+10FFFF
  CHECK(repaired("\xFE\xFF") == "??");                             // never in UTF-8
  CHECK(repaired("\xE2\x82") == "?");                              // cut off by the end
  CHECK(repaired("\xF0\x9F\x98 ") == "? ");                        // cut off by another character
  CHECK(repaired("\xF1\x80\x80\xE1\x80\xC2") == "???");            // Unicode 15, table 3-8
  CHECK(repaired("\xC3\xA9\xA9\xC3\xA9") == "\xC3\xA9?\xC3\xA9");  // between valid ones
}

TEST_CASE("replacements are counted and the first one is located") {
  std::string text = "\xC3\xA9 latin \xE9 and \xE8, both Latin-1";
  auto const replaced = repair_utf8(text);
  CHECK(replaced.count == 2);
  CHECK(replaced.first_offset == 9);
}

TEST_CASE("repaired text is valid, whatever the bytes were") {
  std::string text;
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; b += 5)
      text += {static_cast<char>(a), static_cast<char>(b), 'x', static_cast<char>(b)};
  }
  REQUIRE(repair_utf8(text).count > 10000);
  CHECK(repair_utf8(text).count == 0);
}
