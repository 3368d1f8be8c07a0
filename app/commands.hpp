// The subcommands. Each returns the exit code, and throws InputError or RuntimeFailure.
#pragma once

#include "app/flags.hpp"
#include "comm/world.hpp"

namespace atl::app {

// Collective over the world; MPI runs.
int run_command(TrainFlags const& flags, comm::MpiRuntime& mpi);

// One process, without MPI.
int run_command(EvalFlags const& flags);
int run_command(GenerateFlags const& flags);
int run_command(PrepareFlags const& flags);
int run_command(InspectFlags const& flags);
int run_command(SchemaFlags const& flags);
int run_command(InfoFlags const& flags);

}  // namespace atl::app
