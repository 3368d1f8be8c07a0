#include "data/text_source.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "base/error.hpp"

namespace atl::data {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view white_space = " \t\r\n\f\v";

bool is_blank(std::string_view line) { return line.find_first_not_of(white_space) == line.npos; }

bool begins_in_first_column(std::string_view line) {
  return white_space.find(line.front()) == white_space.npos;
}

bool is_hidden(fs::path const& path) { return path.filename().string().starts_with('.'); }

struct CloseGz {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, CloseGz>;

// As git has it: text holds no zero byte, at least not early; of compressed data its content counts. What
// cannot be read is for its reader to complain of.
bool is_text(fs::path const& path) {
  GzFile const file(gzopen(path.c_str(), "rbe"));
  std::array<char, 8192> head{};
  auto const got = file ? gzread(file.get(), head.data(), head.size()) : 0;
  return got <= 0 || std::memchr(head.data(), 0, static_cast<std::size_t>(got)) == nullptr;
}

std::vector<SourceFile> files_below(fs::path const& folder) {
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator();
       ++entry) {
    if (is_hidden(entry->path())) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      files.push_back({entry->path(), entry->path().lexically_relative(folder).generic_string()});
    }
  }
  std::ranges::sort(files, {}, &SourceFile::name);
  return files;
}

base::InputError cannot_open(fs::path const& file) {
  return {file.string(), fmt::format("cannot be opened: {}", std::generic_category().message(errno)),
          "name a text file that can be read"};
}

}  // namespace

FoundSources find_sources(std::vector<std::string> const& paths) {
  FoundSources found;
  std::vector<base::Problem> problems;
  for (auto const& path : paths) {
    try {
      if (fs::is_directory(path)) {
        auto below = files_below(path);
        auto const other = std::ranges::stable_partition(below, is_text, &SourceFile::path);
        for (auto const& file : other) found.left_out.push_back(file.path.string());
        below.erase(other.begin(), other.end());
        if (below.empty()) problems.push_back({path, "holds no text files", "name a folder with text files"});
        std::ranges::move(below, std::back_inserter(found.files));
      } else if (fs::is_regular_file(path) && !is_text(path)) {
        problems.push_back({path, "is not text: it holds zero bytes", "name text files, in UTF-8"});
      } else if (fs::is_regular_file(path)) {
        found.files.push_back({path, fs::path(path).filename().string()});
      } else {
        problems.push_back({path, fs::exists(path) ? "is neither a file nor a folder" : "does not exist",
                            "name text files (plain, .gz, .dz) or folders"});
      }
    } catch (fs::filesystem_error const& error) {
      problems.push_back({path, error.code().message(), "name files and folders that can be read"});
    }
  }
  if (paths.empty()) problems.push_back({"sources", "no text is named", "name text files or folders"});
  if (!problems.empty()) throw base::InputError(std::move(problems));
  return found;
}

base::Digest file_digest(fs::path const& file) {
  std::ifstream input(file, std::ios::binary);
  if (!input) throw cannot_open(file);
  base::DigestStream stream;
  std::vector<char> block(1 << 20);
  while (input) {
    input.read(block.data(), static_cast<std::streamsize>(block.size()));
    stream.update(std::as_bytes(std::span(block)).first(static_cast<std::size_t>(input.gcount())));
  }
  if (input.bad()) throw base::RuntimeFailure(fmt::format("cannot read {}", file.string()));
  return stream.value();
}

// zlib reads plain files as they are, so one path serves both.
struct EntryReader::Input {
  fs::path path;
  GzFile file;
  std::vector<char> block = std::vector<char>(1 << 18);
  std::string_view unread;

  explicit Input(fs::path name) : path(std::move(name)), file(gzopen(path.c_str(), "rbe")) {
    if (!file) throw cannot_open(path);
    gzbuffer(file.get(), 1 << 17);
    auto const extension = path.extension();
    if ((extension == ".gz" || extension == ".dz") && gzdirect(file.get()) != 0 && refill()) {
      throw base::InputError(path.string(), "is not compressed, although its name says so",
                             "check how the file was made, or rename it");
    }
  }

  // False at the end of the file.
  bool refill() {
    auto const got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    int status = Z_OK;
    char const* reason = gzerror(file.get(), &status);
    if (got < 0 || (status != Z_OK && status != Z_STREAM_END)) {
      if (status == Z_ERRNO)
        throw base::RuntimeFailure(fmt::format("cannot read {}: {}", path.string(), reason));
      throw base::InputError(path.string(), fmt::format("its compressed data is damaged: {}", reason),
                             "fetch or make the file again");
    }
    unread = std::string_view(block.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
};

EntryReader::EntryReader(fs::path file) : input_(std::make_unique<Input>(std::move(file))) {
  read_line(line_);
}

EntryReader::~EntryReader() = default;

// Some dictionaries (WordNet's) have no blank lines: there, from this length on, a heading is enough.
constexpr std::size_t long_entry_bytes = 16384;

std::uint64_t EntryReader::stored_bytes() const {
  return static_cast<std::uint64_t>(gzoffset(input_->file.get()));
}

bool EntryReader::read_line(std::string& line) {
  line.clear();
  auto& unread = input_->unread;
  while (!unread.empty() || input_->refill()) {
    auto const end = unread.find('\n');
    auto const part = unread.substr(0, end == unread.npos ? end : end + 1);
    line.append(part);
    unread.remove_prefix(part.size());
    if (end != unread.npos) return true;
  }
  return !line.empty();
}

bool EntryReader::next(std::string& entry) {
  entry.clear();
  bool has_text = false, after_blank = false, after_indented = false;
  while (!line_.empty()) {
    bool const blank = is_blank(line_);
    bool const at_margin = !blank && begins_in_first_column(line_);
    bool const is_long = entry.size() >= long_entry_bytes;
    if (has_text && at_margin && (after_blank || (is_long && after_indented))) break;
    has_text = has_text || !blank;
    after_blank = blank;
    after_indented = !blank && !at_margin;
    entry += line_;
    read_line(line_);
  }
  if (entry.empty()) return false;

  std::uint64_t const raw_bytes = entry.size();
  auto const replaced = repair_utf8(entry);
  if (replaced_.count == 0 && replaced.count > 0) replaced_.first_offset = raw_bytes_ + replaced.first_offset;
  replaced_.count += replaced.count;
  raw_bytes_ += raw_bytes;
  text_bytes_ += entry.size();
  return true;
}

}  // namespace atl::data
