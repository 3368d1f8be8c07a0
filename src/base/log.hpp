// Logging: every process writes its own file; only the process that owns the console writes there.
#pragma once

#include <filesystem>
#include <string_view>

namespace atl::base::log {

// Opens `file` for this process, whose number and host are its first line. Lines carry the time and `who`,
// "site 1 rank 0".
// Before `open`, warnings and errors go to stderr and the rest is dropped.
void open(std::filesystem::path const& file, std::string_view who, bool owns_console);
void close();

void info(std::string_view text);   // file only
void warn(std::string_view text);   // file, and stderr of the process that owns the console
void error(std::string_view text);  // file and stderr, whoever says it
// As `warn`, but the first time only for each `cause`; later ones go to the file.
void warn_once(std::string_view cause, std::string_view text);

// Plain text to the user on stdout, and to the file. Nothing where the process does not own the console.
void console(std::string_view text);

}  // namespace atl::base::log
