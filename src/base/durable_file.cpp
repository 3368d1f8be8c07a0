#include "base/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <span>
#include <system_error>

#include "base/open_file.hpp"

namespace atl::base {

namespace fs = std::filesystem;

fs::path temporary_name(fs::path const& file) { return fmt::format("{}.tmp-{}", file.string(), ::getpid()); }

void publish(fs::path const& temporary, fs::path const& file) {
  OpenFile(temporary, O_RDONLY).sync();
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) throw file_failure("rename a finished file to this name", file, error);
  sync_folder(file.parent_path());
}

void publish_text(fs::path const& file, std::string_view text) {
  fs::path const temporary = temporary_name(file);
  try {
    OpenFile out(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    out.write(0, std::as_bytes(std::span(text)));
    out.close();
    publish(temporary, file);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void sync_folder(fs::path const& folder) {
  OpenFile(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY).sync();
}

std::optional<std::string> read_text(fs::path const& file) {
  std::error_code error;
  OpenFile const in(file, O_RDONLY, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    return std::nullopt;
  }
  if (error) throw file_failure("open", file, error);
  std::string text;
  in.read_all([&](std::span<std::byte const> block) {
    text.append(reinterpret_cast<char const*>(block.data()), block.size());
  });
  return text;
}

}  // namespace atl::base
