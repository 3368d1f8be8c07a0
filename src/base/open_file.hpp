// Files by descriptor: reads and writes that are whole, and one wording for what the system refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <source_location>
#include <span>
#include <system_error>

#include "base/error.hpp"

namespace atl::base {

// "<path>: cannot <action>: <reason>", to be thrown.
RuntimeFailure file_failure(char const* action, std::filesystem::path const& path,
                            std::error_code const& reason,
                            std::source_location where = std::source_location::current());

// A file or folder, closed with the object. Throws file_failure().
class OpenFile {
 public:
  OpenFile(std::filesystem::path path, int flags);  // open()'s flags; a new file gets mode 0666
  OpenFile(std::filesystem::path path, int flags, std::error_code& error);  // throws nothing
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept;

  std::filesystem::path const& path() const { return path_; }
  int number() const { return number_; }

  // Returns how many bytes were read: fewer than asked for only where the file ends. Safe from several
  // threads.
  std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const;
  // The whole file, a block at a time.
  void read_all(std::function<void(std::span<std::byte const>)> const& consume) const;
  void write(std::uint64_t offset, std::span<std::byte const> bytes);
  void sync();
  void close();

 private:
  std::filesystem::path path_;
  int number_;
};

}  // namespace atl::base
