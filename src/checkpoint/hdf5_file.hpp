// One file of a checkpoint: a tree of named values in HDF5, written by one process (layout in FORMAT.md).
// HDF5 is the serial library: a process uses all of this from one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/archive.hpp"
#include "checkpoint/written_file.hpp"

namespace atl::checkpoint {

// Writes under a temporary name and publishes at the end, so that a file of the final name is always whole.
// The same values written in the same order give the same bytes. All functions throw RuntimeFailure with file
// and value: the system failed (with errno's text), or a name was used twice, is empty, or holds '/'.
class FileWriter {
 public:
  // Opens `<name>.tmp-<pid>` in `folder`. `name` is the final one: "shard_0.h5".
  FileWriter(std::filesystem::path const& folder, std::string_view name);
  ~FileWriter();  // removes the temporary file where finish() was not reached
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;

  base::Writer& root();

  // Closes, syncs and renames the file; call it once. Groups handed out by root() are dead from here on.
  WrittenFile finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Throws InputError where the file or a value is missing, altered, of another type, or of a newer format.
class FileReader {
 public:
  // Opens `expected.name` in `folder`, after its size and digest were found to be those expected.
  FileReader(std::filesystem::path const& folder, WrittenFile const& expected);
  ~FileReader();
  FileReader(FileReader&&) noexcept;
  FileReader& operator=(FileReader&&) noexcept;

  // Every value is compared with its own digest as it is read. Groups must not outlive the FileReader.
  base::Reader const& root() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace atl::checkpoint
