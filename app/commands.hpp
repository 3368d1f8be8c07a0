// The subcommands. Each returns the exit code, and throws InputError or RuntimeFailure.
#pragma once

#include "app/flags.hpp"
#include "base/error.hpp"
#include "comm/world.hpp"

namespace atl::app {

// An InputError that every rank of the job throws, so that all can leave in peace and rank 0 speaks for them.
class AgreedInputError : public base::InputError {
 public:
  explicit AgreedInputError(base::InputError const& error) : base::InputError(error) {}
};

// Collective over the world; MPI runs.
int run_command(TrainFlags const& flags, comm::MpiRuntime& mpi);
int run_command(ReplayFlags const& flags, comm::MpiRuntime& mpi);

// One process, which starts the job and waits for it; neither MPI nor Kokkos runs in it.
int run_command(LaunchFlags const& flags);

// One process, without MPI.
int run_command(InspectStateFlags const& flags);
int run_command(EvalFlags const& flags);
int run_command(GenerateFlags const& flags);
int run_command(ExportFlags const& flags);
int run_command(ImportFlags const& flags);
int run_command(PrepareFlags const& flags);
int run_command(InspectFlags const& flags);
int run_command(SimulateFlags const& flags);
int run_command(SchemaFlags const& flags);
int run_command(InfoFlags const& flags);

}  // namespace atl::app
