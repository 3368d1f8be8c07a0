#include "data/token_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "data/megatron_index.hpp"

namespace atl::data {

namespace fs = std::filesystem;

namespace {

using Header = std::array<std::int32_t, 256>;
static_assert(sizeof(Header) == token_file_header_bytes);

constexpr std::uint64_t max_tokens = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t part_bytes = 1 << 20, parts_of_large_file = 64, large_file_bytes = 1 << 27;

[[noreturn]] void refuse(fs::path const& file, std::string what) {
  throw base::InputError(file.string(), std::move(what),
                         "name a token file: atoll's or llm.c's, nanoGPT's *.bin, Megatron's .bin and .idx");
}

base::OpenFile open_to_read(fs::path file) {
  std::error_code error;
  base::OpenFile opened(std::move(file), O_RDONLY | O_NONBLOCK, error);  // does not wait at a named pipe
  if (error) refuse(opened.path(), fmt::format("cannot be opened: {}", error.message()));
  return opened;
}

std::uint64_t size_of(base::OpenFile const& file) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) {
    refuse(file.path(), fmt::format("cannot be examined: {}", std::generic_category().message(errno)));
  }
  if (!S_ISREG(status.st_mode)) refuse(file.path(), "is not a file");
  return static_cast<std::uint64_t>(status.st_size);
}

// A file of tokens, and its index where it is one of a Megatron pair.
struct Files {
  fs::path tokens, index;
};

Files files_of(fs::path const& path) {
  std::error_code ignored;  // of what cannot be looked at, opening says why
  if (path.extension() == ".idx") return {fs::path(path).replace_extension(".bin"), path};
  if (path.extension() == ".bin") {
    auto const index = fs::path(path).replace_extension(".idx");
    return {path, fs::exists(index, ignored) ? index : fs::path()};
  }
  fs::path const index = path.string() + ".idx";  // a prefix may have dots in it
  if (!fs::exists(path, ignored) && fs::exists(index, ignored)) return {path.string() + ".bin", index};
  return {path, {}};
}

TokenLayout layout_of(base::OpenFile const& tokens, fs::path const& index_path) {
  auto const file_bytes = size_of(tokens);
  if (!index_path.empty()) {
    auto const index = open_to_read(index_path);
    std::vector<std::byte> bytes(size_of(index));
    bytes.resize(index.read(0, bytes));
    return parse_megatron_index(index_path.string(), bytes, file_bytes);
  }
  std::array<std::byte, token_file_header_bytes> head{};
  auto const layout =
      parse_token_header(tokens.path().string(), std::span(head).first(tokens.read(0, head)), file_bytes);
  if (layout.kind == TokenKind::nanogpt && tokens.path().extension() != ".bin") {
    refuse(tokens.path(), "has no header of a token file; without one only files named *.bin are read");
  }
  return layout;
}

// Calls `use` with a value of the type that ids are stored as.
template <class Use>
auto with_type(IdType type, Use const& use) {
  switch (type) {
    case IdType::u8:
      return use(std::uint8_t{});
    case IdType::i8:
      return use(std::int8_t{});
    case IdType::i16:
      return use(std::int16_t{});
    case IdType::i32:
      return use(std::int32_t{});
    case IdType::u32:
      return use(std::uint32_t{});
    case IdType::i64:
      return use(std::int64_t{});
    default:
      return use(std::uint16_t{});
  }
}

struct BadId {
  std::size_t place;
  std::int64_t id;
};

// The stored ids, up to the first that is not in 0 .. limit-1.
template <class Stored>
std::optional<BadId> widen(std::span<std::byte const> stored, std::span<Token> out, std::int64_t limit) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::int64_t const id{number_at<Stored>(stored, i * sizeof(Stored))};
    if (id < 0 || id >= limit) return BadId{i, id};
    out[i] = static_cast<Token>(id);
  }
  return std::nullopt;
}

}  // namespace

TokenFileWriter::TokenFileWriter(fs::path file) : file_(std::move(file)) {
  Header const empty{};
  file_.append(std::as_bytes(std::span(empty)));
}

void TokenFileWriter::append(std::span<Token const> tokens) {
  if (size_ + tokens.size() > max_tokens) {
    throw base::InputError(file_.path().string(),
                           fmt::format("a token file holds at most {} tokens", max_tokens),
                           "split the text into several datasets, one for each site");
  }
  base::ensure(std::ranges::all_of(tokens, [](Token id) { return id < max_vocab; }),
               "the ids that are written fit in 16 bits");
  std::vector<std::uint16_t> const stored(tokens.begin(), tokens.end());
  file_.append(std::as_bytes(std::span(stored)));
  digest_.update(std::as_bytes(std::span(stored)));
  size_ += tokens.size();
}

void TokenFileWriter::finish() {
  Header header{};
  header[0] = token_file_magic;
  header[1] = token_file_version;
  header[2] = static_cast<std::int32_t>(size_);
  file_.overwrite(0, std::as_bytes(std::span(header)));
  file_.commit();
}

TokenFile::TokenFile(fs::path const& path, int vocab, Coverage coverage)
    : file_(open_to_read(files_of(path).tokens)),
      vocab_(vocab),
      layout_(layout_of(file_, files_of(path).index)) {
  survey(coverage);
}

void TokenFile::survey(Coverage coverage) {
  auto const width = width_of(layout_.ids);
  bool const in_parts = coverage == Coverage::parts && size() * width > large_file_bytes;
  auto const part_tokens = std::min(size(), part_bytes / width);
  auto const parts = in_parts ? parts_of_large_file : (size() + part_tokens - 1) / part_tokens;

  std::vector<std::byte> stored(part_tokens * width);
  std::vector<Token> ids(part_tokens);
  base::DigestStream stream;
  if (in_parts) stream.update(std::as_bytes(std::span(&layout_.tokens, 1)));
  lowest_id_ = std::numeric_limits<Token>::max();
  for (std::uint64_t part = 0; part < parts; ++part) {
    auto const first = in_parts ? (size() - part_tokens) * part / (parts - 1) : part * part_tokens;
    auto const tokens = std::min(part_tokens, size() - first);
    auto const bytes = std::span(stored).first(tokens * width);
    read(first, bytes, std::span(ids).first(tokens));
    stream.update(bytes);
    auto const [lowest, highest] = std::ranges::minmax(std::span(ids).first(tokens));
    lowest_id_ = std::min(lowest_id_, lowest);
    highest_id_ = std::max(highest_id_, highest);
  }
  digest_ = stream.value();
}

void TokenFile::read(std::uint64_t first, std::span<Token> out) const {
  std::array<std::byte, 1 << 14> stored;
  auto const width = width_of(layout_.ids);
  while (!out.empty()) {
    auto const tokens = std::min(out.size(), stored.size() / width);
    read(first, std::span(stored).first(tokens * width), out.first(tokens));
    first += tokens;
    out = out.subspan(tokens);
  }
}

void TokenFile::read(std::uint64_t first, std::span<std::byte> stored, std::span<Token> out) const {
  base::ensure(first + out.size() <= size(), "tokens are read within their file");
  if (file_.read(layout_.offset + width_of(layout_.ids) * first, stored) < stored.size()) {
    throw base::RuntimeFailure(fmt::format("{} was shortened while it was in use", path().string()));
  }
  // Batches hold ids as int32.
  std::int64_t const limit = vocab_ > 0 ? vocab_ : std::numeric_limits<std::int32_t>::max();
  auto const bad =
      with_type(layout_.ids, [&]<class Stored>(Stored) { return widen<Stored>(stored, out, limit); });
  if (!bad) return;
  throw base::InputError(
      path().string(),
      fmt::format("token {} is {}, {}", first + bad->place, bad->id,
                  bad->id < 0  ? "which is no id"
                  : vocab_ > 0 ? fmt::format("beyond the vocabulary of {}", vocab_)
                               : "beyond any vocabulary"),
      layout_.kind == TokenKind::nanogpt
          ? "use the vocabulary that the file was made with; it has no header, and may be no "
            "file of 16-bit tokens at all"
          : "use the tokenizer and the vocabulary that the file was made with");
}

}  // namespace atl::data
