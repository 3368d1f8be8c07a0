// The folder that a command writes a model to.
#pragma once

#include <filesystem>

#include "base/error.hpp"

namespace atl::app {

// Makes `folder`, which may exist but hold nothing: what is there is never overwritten, nor mixed with.
inline void make_new_folder(std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw base::InputError(folder.string(), error.message(), "give --out a folder that can be made");
  if (!std::filesystem::is_empty(folder)) {
    throw base::InputError(folder.string(), "is not empty", "give --out a new folder, or remove this one");
  }
}

}  // namespace atl::app
