// A training run from a checked plan to its exit code.
#pragma once

#include "base/exit_code.hpp"
#include "comm/world.hpp"
#include "train/checkpoints.hpp"
#include "train/run_folder.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

// Of a process that was started during the run: its part, in place of a lost site's.
base::ExitCode run_as_recruit(RunPlan const& plan, RunFolder const& folder);

// Collective over the world. Splits it by the plan and runs this process's part. What it returns on rank 0 is
// the outcome. The run folder exists already (`create`), and `resume` is where to go on from. A rank of a
// site has a kernels::Device.

struct RunOptions {
  bool shows_progress = false;
  bool profiles = false;  // every rank of a site writes its profile; site 0's leader also prints it
};
base::ExitCode run(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                   comm::MpiRuntime const& mpi, RunOptions const& options);

}  // namespace atl::train
