// TensorBoard's event files: TFRecords, each framed by its length and checksums, of the protocol-buffer
// messages Event, Summary and SessionLog, of which seven fields are needed and written by hand.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace atl::train {

// Castagnoli's checksum, as iSCSI has it (RFC 3720).
std::uint32_t crc32c(std::string_view bytes);

class EventFile {
 public:
  struct Scalar {
    std::string_view tag;
    double value = 0.0;  // stored as float
  };

  // Creates the file. Throws RuntimeFailure where that fails. Readers drop what older files beside it hold of
  // `first_step` and later.
  EventFile(std::filesystem::path const& file, std::uint64_t first_step, double wall_time_s);

  // One event, handed to the system when this returns. False where the disk takes no more.
  bool write(std::uint64_t step, double wall_time_s, std::span<Scalar const> scalars);

 private:
  bool append(std::string const& event);

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace atl::train
