#include "data/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.hpp"

namespace atoll::data {

namespace {

[[noreturn]] void fail(std::filesystem::path const& file, char const* action) {
  auto const reason = std::generic_category().message(errno);
  throw base::RuntimeFailure(fmt::format("cannot {} {}: {}", action, file.string(), reason));
}

void write_all(int file, std::filesystem::path const& path, std::span<std::byte const> bytes,
               std::uint64_t offset) {
  while (!bytes.empty()) {
    auto const written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path file) : path_(std::move(file)), temporary_(path_) {
  temporary_ += ".tmp";
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) fail(temporary_, "create");
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::append(std::span<std::byte const> bytes) {
  write_all(file_, temporary_, bytes, size_);
  size_ += bytes.size();
}

void AtomicFile::overwrite(std::uint64_t offset, std::span<std::byte const> bytes) {
  base::ensure(offset + bytes.size() <= size_, "only what was appended can be overwritten");
  write_all(file_, temporary_, bytes, offset);
}

void AtomicFile::commit() {
  if (::fsync(file_) != 0) fail(temporary_, "flush");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, "rename to");
  ::close(file_);
  file_ = -1;
  // The new name is safe only once its folder is on disk too.
  auto const parent = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  int const folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail(parent, "open");
  int const flushed = ::fsync(folder);
  ::close(folder);
  if (flushed != 0) fail(parent, "flush");
}

void write_atomically(std::filesystem::path const& file, std::string_view content) {
  AtomicFile output(file);
  output.append(std::as_bytes(std::span(content)));
  output.commit();
}

}  // namespace atoll::data
