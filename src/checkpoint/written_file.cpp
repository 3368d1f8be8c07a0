#include "checkpoint/written_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <span>
#include <system_error>
#include <utility>

#include "base/open_file.hpp"

namespace atl::checkpoint {

namespace fs = std::filesystem;

WrittenFile describe(fs::path const& file) {
  WrittenFile result{.name = file.filename().string(), .bytes = 0, .digest = {}};
  base::DigestStream digest;
  base::OpenFile(file, O_RDONLY).read_all([&](std::span<std::byte const> block) {
    digest.update(block);
    result.bytes += block.size();
  });
  result.digest = digest.value();
  return result;
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
  if (error) throw base::file_failure("read the size", file, error);
  if (bytes != expected.bytes) {
    return damaged(fmt::format("has {} bytes, {} were written", bytes, expected.bytes));
  }
  if (!read_contents) return std::nullopt;
  if (auto const digest = describe(file).digest; digest != expected.digest) {
    return damaged(fmt::format("has digest {}, {} was written", digest.hex(), expected.digest.hex()));
  }
  return std::nullopt;
}

}  // namespace atl::checkpoint
