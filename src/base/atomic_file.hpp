// A stream into a file that appears under its name only when it is whole and on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/open_file.hpp"

namespace atl::base {

// Every function throws RuntimeFailure with the file and the system's reason. Without commit() nothing
// remains.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path file);  // writes to temporary_name(file)
  ~AtomicFile();
  AtomicFile(AtomicFile const&) = delete;
  AtomicFile& operator=(AtomicFile const&) = delete;

  std::filesystem::path const& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  void append(std::span<std::byte const> bytes);
  void overwrite(std::uint64_t offset, std::span<std::byte const> bytes);  // of what was appended before
  void commit();

 private:
  std::filesystem::path path_;
  OpenFile temporary_;
  std::uint64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace atl::base
