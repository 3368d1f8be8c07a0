#include "data/token_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace atl::data {

static_assert(std::endian::native == std::endian::little, "token files are little-endian");

namespace {

using Header = std::array<std::int32_t, 256>;
static_assert(sizeof(Header) == token_file_header_bytes);

constexpr std::uint64_t max_tokens = std::numeric_limits<std::int32_t>::max();
constexpr char const* remedy = "name a token file made by `atoll data prepare`, or make it again";

base::OpenFile open_to_read(std::filesystem::path file) {
  std::error_code error;
  base::OpenFile opened(std::move(file), O_RDONLY, error);
  if (!error) return opened;
  throw base::InputError(opened.path().string(), fmt::format("cannot be opened: {}", error.message()),
                         remedy);
}

// What the header says the number of tokens is, if the header and the file's size allow it; else why not.
std::string header_problem(Header const& header, std::uint64_t file_bytes) {
  if (header[0] != token_file_magic) {
    return fmt::format("is not a token file: its magic number is {} instead of {}", header[0],
                       token_file_magic);
  }
  if (header[1] != token_file_version) {
    return fmt::format("has version {} of the format; only version {} is known", header[1],
                       token_file_version);
  }
  if (header[2] < 0) return fmt::format("says that it holds {} tokens", header[2]);
  if (header[2] == 0) return "holds no tokens";
  auto const said = token_file_header_bytes + sizeof(Token) * static_cast<std::uint64_t>(header[2]);
  if (file_bytes < said) {
    return fmt::format("is cut off: {} tokens need {} bytes, it has {}", header[2], said, file_bytes);
  }
  if (file_bytes > said) {
    return fmt::format("is longer than it says: {} tokens need {} bytes, it has {}", header[2], said,
                       file_bytes);
  }
  return {};
}

}  // namespace

TokenFileWriter::TokenFileWriter(std::filesystem::path file) : file_(std::move(file)) {
  Header const empty{};
  file_.append(std::as_bytes(std::span(empty)));
}

void TokenFileWriter::append(std::span<Token const> tokens) {
  if (size_ + tokens.size() > max_tokens) {
    throw base::InputError(file_.path().string(),
                           fmt::format("a token file holds at most {} tokens", max_tokens),
                           "split the text into several datasets, one for each site");
  }
  file_.append(std::as_bytes(tokens));
  digest_.update(std::as_bytes(tokens));
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

TokenFile::TokenFile(std::filesystem::path file, int vocab)
    : file_(open_to_read(std::move(file))), vocab_(vocab) {
  auto const refuse = [&](std::string what) {
    throw base::InputError(path().string(), std::move(what), remedy);
  };
  struct stat status {};
  if (::fstat(file_.number(), &status) != 0) {
    refuse(fmt::format("cannot be examined: {}", std::generic_category().message(errno)));
  }
  if (!S_ISREG(status.st_mode)) refuse("is not a file");

  auto const file_bytes = static_cast<std::uint64_t>(status.st_size);
  Header header{};
  if (file_.read(0, std::as_writable_bytes(std::span(header))) < sizeof(Header)) {
    refuse(fmt::format("is cut off: a token file begins with {} bytes of header, it has {}", sizeof(Header),
                       file_bytes));
  }
  if (auto problem = header_problem(header, file_bytes); !problem.empty()) refuse(std::move(problem));
  size_ = static_cast<std::uint64_t>(header[2]);
  survey();
}

void TokenFile::survey() {
  std::vector<Token> block(std::min<std::uint64_t>(size_, 1 << 19));
  base::DigestStream stream;
  lowest_id_ = std::numeric_limits<Token>::max();
  for (std::uint64_t first = 0; first < size_; first += block.size()) {
    auto const part = std::span(block).first(std::min<std::uint64_t>(block.size(), size_ - first));
    read(first, part);
    stream.update(std::as_bytes(part));
    auto const [lowest, highest] = std::ranges::minmax(part);
    lowest_id_ = std::min(lowest_id_, lowest);
    highest_id_ = std::max(highest_id_, highest);
  }
  digest_ = stream.value();
}

void TokenFile::read(std::uint64_t first, std::span<Token> out) const {
  base::ensure(first + out.size() <= size_, "tokens are read within their file");
  auto const bytes = std::as_writable_bytes(out);
  if (file_.read(token_file_header_bytes + sizeof(Token) * first, bytes) < bytes.size()) {
    throw base::RuntimeFailure(fmt::format("{} was shortened while it was in use", path().string()));
  }
  if (vocab_ == 0 || out.empty() || std::ranges::max(out) < vocab_) return;
  auto const bad = std::ranges::find_if(out, [&](Token id) { return id >= vocab_; });
  throw base::InputError(path().string(),
                         fmt::format("token {} is {}, beyond the vocabulary of {}",
                                     first + static_cast<std::uint64_t>(bad - out.begin()), *bad, vocab_),
                         "use the tokenizer and the vocabulary that the file was made with");
}

}  // namespace atl::data
