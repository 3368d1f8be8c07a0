// How a file comes to exist: temporary name, fsync, rename, fsync of the folder. Failures of the system are
// RuntimeFailures with the path and errno's text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace atl::base {

// "<file>.tmp-<pid>", in the same folder: a rename must not cross file systems.
std::filesystem::path temporary_name(std::filesystem::path const& file);

// Gives a closed file its final name. Until this returns, nothing of that name is to be trusted; afterwards
// it survives a loss of power.
void publish(std::filesystem::path const& temporary, std::filesystem::path const& file);

// Writes `text` to a temporary file, then publishes it.
void publish_text(std::filesystem::path const& file, std::string_view text);

// Makes the names in `folder` as durable as the files.
void sync_folder(std::filesystem::path const& folder);

// The contents of `file`; nothing where there is no such file.
std::optional<std::string> read_text(std::filesystem::path const& file);

}  // namespace atl::base
