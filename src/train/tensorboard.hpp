// What TensorBoard shows of a run: the metrics as event files, one TensorBoard run per site and one for the
// syncer, so that sites are lines of one chart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "train/event_file.hpp"

namespace atl::train {

class TensorBoard {
 public:
  // Writes below `folder`: site_<n>/ and syncer/. The files of earlier parts of the run stay; what a resumed
  // run does again takes the place of what they say.
  explicit TensorBoard(std::filesystem::path folder);

  // A line of metrics.jsonl; step, eval and commit have something to show, resume says where they go on.
  // Never throws: what cannot be written is lost with a warning.
  void observe(std::string const& metrics_line);

 private:
  struct Moment {
    std::uint64_t step = 0;
    double time_s = 0.0;
  };
  // `first_step`: of the file, if it is not there yet.
  void write(std::string const& run, std::uint64_t first_step, Moment now,
             std::span<EventFile::Scalar const> scalars);

  std::filesystem::path folder_;
  std::uint64_t resumed_step_ = 0;  // the clock
  double started_unix_s_;
  std::map<std::string, EventFile> files_{};  // by TensorBoard run
};

}  // namespace atl::train
