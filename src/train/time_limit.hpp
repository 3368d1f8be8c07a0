// When a run must stop for want of time: by its deck, or by the end of the scheduler's job.
#pragma once

#include <string_view>

#include "deck/config.hpp"

namespace atl::train {

// Seconds that a run may train from now on: `run.walltime_s`, or until `run.walltime_margin_s` before the end
// of its job, whichever is less; infinite where neither is known. A margin longer than what is left of the
// job is cut to half of that, or the run would be requeued for ever and never take a step. `job_end` is in
// Unix seconds, as SLURM_JOB_END_TIME has it; one that is no time or has passed is warned of and ignored.
double seconds_to_train(deck::RunSection const& run, std::string_view job_end, double unix_now_s);

// The same by this process's environment and clock.
double seconds_to_train(deck::RunSection const& run);

}  // namespace atl::train
