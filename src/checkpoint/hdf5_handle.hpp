// What both sides of an HDF5 file share: ids that close themselves, the reason of a failure, places in the
// file. Private to hdf5_read.cpp and hdf5_write.cpp: no other source sees HDF5.
#pragma once

#include <hdf5.h>

#include <string>
#include <string_view>
#include <utility>

namespace atl::checkpoint {

// Attributes of the root group, and of every dataset.
inline constexpr char const* program_attribute = "program";
inline constexpr std::string_view program = "atoll";
inline constexpr char const* format_attribute = "format_version";
inline constexpr char const* digest_attribute = "xxh3_128";

// An HDF5 id that closes itself. Only for a written file is it of interest whether that failed: close().
template <herr_t (*Close)(hid_t)>
class Handle {
 public:
  explicit Handle(hid_t id = H5I_INVALID_HID) : id_(id) {}
  ~Handle() {
    if (id_ >= 0) Close(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }

  hid_t get() const { return id_; }
  herr_t close() { return Close(std::exchange(id_, H5I_INVALID_HID)); }

 private:
  hid_t id_;
};

using File = Handle<&H5Fclose>;
using Object = Handle<&H5Oclose>;  // a group or a dataset
using Attribute = Handle<&H5Aclose>;
using Space = Handle<&H5Sclose>;
using Type = Handle<&H5Tclose>;
using Properties = Handle<&H5Pclose>;

// The innermost reason of the last failure: the system's own words where it was the system.
std::string failure_reason();

// How files are opened, on both sides. Silences HDF5's own error printer.
Properties file_access();

// The place of a value, "<file>:/group/name". Throws RuntimeFailure where HDF5 would take `name` for a path.
std::string place_of(std::string const& group, std::string_view name);

}  // namespace atl::checkpoint
