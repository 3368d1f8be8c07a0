// What the user of a running job sees: a line per report interval, and on a terminal a progress bar with time
// left.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/progress_bar.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

// Fed with the very lines of metrics.jsonl, so the screen never says what the record does not.
class Console {
 public:
  Console(RunPlan const& plan, std::uint64_t first_step, bool shows_progress);

  void observe(std::string const& metrics_line);
  // The clock moved, or time passed. `bytes`: moved by this process so far.
  void tick(std::uint64_t clock, double time_s, std::uint64_t bytes);
  // Says what the run waits for, where it waits for something: now and then, not every time.
  void stalled(std::string const& waiting_for, double now_s);

 private:
  struct Site {
    double time_s = 0.0;  // of its last step
    double loss = 0.0;
    double step_s = 0.0;
    double tokens_per_s = 0.0;
  };

  void report(std::uint64_t clock, double time_s, std::uint64_t bytes);

  std::uint64_t total_steps_;
  std::uint64_t report_every_;
  std::uint64_t first_step_;
  std::uint64_t next_report_;
  base::ProgressBar bar_;
  bool names_sites_;  // several evaluate
  double stall_said_s_ = 0.0;

  std::map<int, Site> sites_;
  std::vector<std::uint64_t> versions_;
  std::uint64_t commits_ = 0;  // since the last report
  std::uint64_t members_ = 0;
  double wait_s_ = 0.0;
};

// True where stdout ends at a person's terminal, also when an MPI launcher stands between.
bool stdout_is_terminal();

}  // namespace atl::train
