// Shell completion, from the same flags that the command line is read with.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace atl::app {

// For `shell`, "bash" or "zsh": to be sourced. After --set it offers the deck's keys, and file names wherever
// it knows nothing better.
std::string completion_script(CLI::App const& app, std::string const& shell);

}  // namespace atl::app
