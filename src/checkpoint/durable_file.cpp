#include "checkpoint/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace atoll::checkpoint {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(char const* action, fs::path const& path, int code,
                       std::source_location where = std::source_location::current()) {
  throw base::RuntimeFailure(
      fmt::format("{}: cannot {}: {}", path.string(), action, std::generic_category().message(code)), where);
}

// An open file descriptor. -1 where the file could not be opened; errno then says why.
class Descriptor {
 public:
  Descriptor(fs::path const& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Some network file systems report a failed write only here.
  bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

template <class Consume>
void read_all(Descriptor const& in, fs::path const& path, Consume&& consume) {
  std::vector<std::byte> block(std::size_t{1} << 20);
  for (;;) {
    auto const got = ::read(in.get(), block.data(), block.size());
    if (got == 0) return;
    if (got > 0) {
      consume(std::span<std::byte const>(block).first(static_cast<std::size_t>(got)));
    } else if (errno != EINTR) {
      fail("read", path, errno);
    }
  }
}

void write_all(Descriptor const& out, fs::path const& path, std::string_view text) {
  while (!text.empty()) {
    auto const put = ::write(out.get(), text.data(), text.size());
    if (put >= 0) {
      text.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno != EINTR) {
      fail("write", path, errno);
    }
  }
}

void sync(fs::path const& path, int flags) {
  Descriptor const file(path, flags);
  if (!file.is_open()) fail("open", path, errno);
  // A file system that cannot sync a folder says EINVAL; it then orders renames by itself or not at all.
  if (::fsync(file.get()) != 0 && errno != EINVAL) fail("sync", path, errno);
}

}  // namespace

fs::path temporary_name(fs::path const& file) { return fmt::format("{}.tmp-{}", file.string(), ::getpid()); }

WrittenFile describe(fs::path const& file) {
  Descriptor const in(file, O_RDONLY);
  if (!in.is_open()) fail("open", file, errno);
  WrittenFile result{.name = file.filename().string(), .bytes = 0, .digest = {}};
  base::DigestStream digest;
  read_all(in, file, [&](std::span<std::byte const> block) {
    digest.update(block);
    result.bytes += block.size();
  });
  result.digest = digest.value();
  return result;
}

void publish(fs::path const& temporary, fs::path const& file) {
  sync(temporary, O_RDONLY);
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) fail("rename a finished file to this name", file, error.value());
  sync_folder(file.parent_path());
}

void publish_text(fs::path const& file, std::string_view text) {
  fs::path const temporary = temporary_name(file);
  try {
    Descriptor out(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!out.is_open()) fail("create", temporary, errno);
    write_all(out, temporary, text);
    if (!out.close()) fail("close", temporary, errno);
    publish(temporary, file);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void sync_folder(fs::path const& folder) {
  sync(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY);
}

std::optional<std::string> read_text(fs::path const& file) {
  Descriptor const in(file, O_RDONLY);
  if (!in.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail("open", file, errno);
  }
  std::string text;
  read_all(in, file, [&](std::span<std::byte const> block) {
    text.append(reinterpret_cast<char const*>(block.data()), block.size());
  });
  return text;
}

std::optional<base::Problem> find_damage(fs::path const& folder, WrittenFile const& expected,
                                         bool read_contents) {
  fs::path const file = folder / expected.name;
  auto const damaged = [&](std::string what) {
    return base::Problem{
        file.string(), std::move(what),
        "this checkpoint is damaged: copy the file again from its source, or use another checkpoint"};
  };
  std::error_code error;
  std::uint64_t const bytes = fs::file_size(file, error);
  if (error == std::errc::no_such_file_or_directory) return damaged("the file is missing");
  if (error) fail("read the size", file, error.value());
  if (bytes != expected.bytes) {
    return damaged(fmt::format("has {} bytes, {} were written", bytes, expected.bytes));
  }
  if (!read_contents) return std::nullopt;
  if (auto const digest = describe(file).digest; digest != expected.digest) {
    return damaged(fmt::format("has digest {}, {} was written", digest.hex(), expected.digest.hex()));
  }
  return std::nullopt;
}

}  // namespace atoll::checkpoint
