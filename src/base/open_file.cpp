#include "base/open_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace atl::base {

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

}  // namespace

RuntimeFailure file_failure(char const* action, std::filesystem::path const& path,
                            std::error_code const& reason, std::source_location where) {
  return RuntimeFailure(fmt::format("{}: cannot {}: {}", path.string(), action, reason.message()), where);
}

OpenFile::OpenFile(std::filesystem::path path, int flags, std::error_code& error)
    : path_(std::move(path)), number_(::open(path_.c_str(), flags | O_CLOEXEC, 0666)) {
  error = number_ < 0 ? last_error() : std::error_code();
}

OpenFile::OpenFile(std::filesystem::path path, int flags)
    : path_(std::move(path)), number_(::open(path_.c_str(), flags | O_CLOEXEC, 0666)) {
  if (number_ < 0) throw file_failure(flags & O_CREAT ? "create" : "open", path_, last_error());
}

OpenFile::~OpenFile() {
  if (number_ >= 0) ::close(number_);
}

OpenFile::OpenFile(OpenFile&& other) noexcept
    : path_(std::move(other.path_)), number_(std::exchange(other.number_, -1)) {}

std::size_t OpenFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto const got =
        ::pread(number_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw file_failure("read", path_, last_error());
    }
  }
  return done;
}

void OpenFile::read_all(std::function<void(std::span<std::byte const>)> const& consume) const {
  std::vector<std::byte> block(std::size_t{1} << 20);
  std::uint64_t offset = 0;
  while (auto const got = read(offset, block)) {
    consume(std::span(block).first(got));
    offset += got;
  }
}

void OpenFile::write(std::uint64_t offset, std::span<std::byte const> bytes) {
  while (!bytes.empty()) {
    auto const put = ::pwrite(number_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    } else if (errno != EINTR) {
      throw file_failure("write", path_, last_error());
    }
  }
}

void OpenFile::sync() {
  // A file system that cannot sync a folder says EINVAL; it then orders renames by itself or not at all.
  if (::fsync(number_) != 0 && errno != EINVAL) throw file_failure("sync", path_, last_error());
}

void OpenFile::close() {
  // Some network file systems report a failed write only here.
  if (::close(std::exchange(number_, -1)) != 0) throw file_failure("close", path_, last_error());
}

}  // namespace atl::base
