// Text files, plain or gzip-compressed (.gz, dictd's .dz), as a stream of entries; invalid UTF-8 is replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "data/utf8.hpp"

namespace atl::data {

struct SourceFile {
  std::filesystem::path path;
  std::string name;  // below the folder that was given; the file's own name where a file was given
};

struct FoundSources {
  std::vector<SourceFile> files;
  std::vector<std::string> left_out;  // below folders: not text
};

// The files that `paths` name: a file is itself, a folder stands for all text files below it but hidden ones,
// sorted by name. Throws InputError with every path that is absent, holds no text file, or is no text.
FoundSources find_sources(std::vector<std::string> const& paths);

// Of the file as it is stored, compressed or not.
base::Digest file_digest(std::filesystem::path const& file);

// Reads one file entry by entry. An entry begins at a line whose first character is not white space and that
// follows a blank line, or an indented line where the entry before has 16 KiB already; what precedes the
// first such line belongs to the first entry. It ends with its trailing blank lines, so that all entries of a
// file, joined, are exactly its (repaired) text.
class EntryReader {
 public:
  explicit EntryReader(std::filesystem::path file);  // throws InputError where it cannot be opened
  ~EntryReader();

  // The next entry into `entry`; false at the end. Throws InputError where compressed data is damaged.
  bool next(std::string& entry);

  // Of what next() has returned so far.
  Replacement const& replaced() const { return replaced_; }
  std::uint64_t text_bytes() const { return text_bytes_; }  // after repair
  std::uint64_t stored_bytes() const;                       // read from the file, compressed or not

 private:
  struct Input;

  bool read_line(std::string& line);

  std::unique_ptr<Input> input_;
  std::string line_;  // the first line of the next entry
  std::uint64_t raw_bytes_ = 0, text_bytes_ = 0;
  Replacement replaced_;
};

}  // namespace atl::data
