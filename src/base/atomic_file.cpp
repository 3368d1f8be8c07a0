#include "base/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "base/durable_file.hpp"
#include "base/error.hpp"

namespace atl::base {

AtomicFile::AtomicFile(std::filesystem::path file)
    : path_(std::move(file)), temporary_(temporary_name(path_), O_WRONLY | O_CREAT | O_TRUNC) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.path().c_str());
}

void AtomicFile::append(std::span<std::byte const> bytes) {
  temporary_.write(size_, bytes);
  size_ += bytes.size();
}

void AtomicFile::overwrite(std::uint64_t offset, std::span<std::byte const> bytes) {
  ensure(offset + bytes.size() <= size_, "only what was appended can be overwritten");
  temporary_.write(offset, bytes);
}

void AtomicFile::commit() {
  temporary_.close();
  publish(temporary_.path(), path_);
  committed_ = true;
}

}  // namespace atl::base
