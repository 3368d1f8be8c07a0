// Ranks that wait to take the place of a lost one. Each has a file with its MPI port in a folder of the run:
// who renames that file has the spare, and nobody else; the spare renames it again to say that it comes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "comm/recruits.hpp"

namespace atl::comm {

// Until somebody has claimed this spare and called it; none where the folder is gone: the run is over.
std::optional<Bridge> wait_as_spare(std::filesystem::path const& folder, int number);

// The port of a spare that waited and comes, which is now the caller's; "" where there is none.
std::string claim_spare(std::filesystem::path const& folder);

}  // namespace atl::comm
