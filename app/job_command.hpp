// The command line and environment that start a training job: mpirun's or srun's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/flags.hpp"
#include "deck/config.hpp"

namespace atl::app {

struct JobCommand {
  std::vector<std::string> arguments;                            // the program first
  std::vector<std::pair<std::string, std::string>> environment;  // on top of ours
};

// The training job of a deck, or the replay of a run that had it: for its number of ranks, with the launcher
// that `flags` ask for or this place suggests. Throws InputError where there is none. With --check it is one
// process without a launcher.
JobCommand job_command(LaunchFlags const& flags, deck::RunConfig const& config);

// As one would type it.
std::string shell_text(JobCommand const& command);

// A job script for Slurm that runs `atoll launch` with these flags, stops it with a checkpoint five minutes
// before the end of its time, and puts it back into the queue.
std::string batch_script(LaunchFlags const& flags, deck::RunConfig const& config);

}  // namespace atl::app
