#include "unit/data/sample_text.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <iterator>
#include <numeric>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "data/token_file.hpp"

namespace atl::test {

std::string dictionary_entry(std::uint64_t index) {
  static constexpr std::array words = {
      "island", "lagoon", "the", "of",      "ring", "coral", "small", "water", "a",  "which", "reef", "sea",
      "called", "or",     "any", "shallow", "from", "is",    "round", "deep",  "in", "old",   "wind", "sail"};
  base::Philox const random{7};
  std::uint64_t drawn = 0;
  auto const word = [&] { return words[random.below(words.size(), index, drawn++)]; };
  std::string entry = fmt::format("{}{} \\{}\\, n.\n", word(), index, word());
  std::uint64_t const lines = 1 + random.below(4, index, drawn++);
  for (std::uint64_t line = 0; line < lines; ++line) {
    entry +=
        fmt::format("   {}. {} {} {} {}; {} {}.\n", line + 1, word(), word(), word(), word(), word(), word());
    entry += fmt::format("            \"{} {}\"  --{}.\n", word(), word(), word());
  }
  return entry + "\n";
}

std::string dictionary(std::uint64_t entries) {
  std::string text;
  for (std::uint64_t i = 0; i < entries; ++i) text += dictionary_entry(i);
  return text;
}

void write_text(std::filesystem::path const& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

void write_compressed(std::filesystem::path const& file, std::string_view text) {
  gzFile const output = gzopen(file.c_str(), "wb");
  base::ensure(output != nullptr, "the test's compressed file can be created");
  gzwrite(output, text.data(), static_cast<unsigned>(text.size()));
  gzclose(output);
}

std::string read_file(std::filesystem::path const& file) {
  std::ifstream input(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), {}};
}

void write_counting_tokens(std::filesystem::path const& file, std::uint64_t tokens) {
  base::ensure(tokens <= data::max_vocab, "every token is the number of its place");
  std::vector<data::Token> counting(tokens);
  std::iota(counting.begin(), counting.end(), data::Token{0});
  data::TokenFileWriter writer(file);
  writer.append(counting);
  writer.finish();
}

}  // namespace atl::test
