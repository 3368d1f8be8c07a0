// The tapes of a run as files, tape/site_0.tape and so on: how they are written, and read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/open_file.hpp"
#include "protocol/site_story.hpp"
#include "protocol/tape.hpp"
#include "train/run_folder.hpp"

namespace atl::train {

// Written from a buffer, at least once a second while there are entries. A disk that refuses ends the tape,
// with a warning, and not the run.
class TapeFile final : public protocol::Tape {
 public:
  // Goes on at the end of an existing file; what was torn off there is cut. Throws InputError where it is
  // damaged.
  explicit TapeFile(std::filesystem::path const& path);
  ~TapeFile() override;

  void put(protocol::TapeEntry const& entry) override;
  void flush() override;

 private:
  base::OpenFile file_;
  std::uint64_t end_ = 0;  // of what is in the file
  protocol::TapeFramer framer_;
  std::vector<std::byte> buffer_;
  double flushed_s_;
  bool is_broken_ = false;
};

// One life of a run, as the tapes of all its processes tell it.
struct LifeOfRun {
  std::uint64_t number = 0;
  deck::RunConfig config;
  std::vector<protocol::SiteStory> sites;  // with one for each life of a site, in their order
  std::vector<protocol::TapedLife> shards;
  // By site, where the life is told from a snapshot on: its boundaries until then. See life_tail.hpp.
  std::vector<std::vector<protocol::TapedBoundary>> before;
};

// Every life, in order. Throws InputError where there is no tape, or one is damaged.
std::vector<LifeOfRun> read_tapes(RunFolder const& folder);
// What the next life of the run is called: 1 where there is no tape yet.
std::uint64_t next_life(RunFolder const& folder);

// What is the same for all processes of a life; each fills in the rest.
protocol::TapedStart taped_start(std::uint64_t life, deck::RunConfig const& config,
                                 std::optional<std::uint64_t> set);

}  // namespace atl::train
