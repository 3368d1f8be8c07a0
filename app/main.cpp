// The program: flags, a scope in which everything dies before MPI ends, and one place where errors become
// exit codes.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "app/commands.hpp"
#include "base/error.hpp"
#include "base/exit_code.hpp"
#include "base/stop_flag.hpp"
#include "train/chaos_hand.hpp"

namespace {

using atl::base::ExitCode;

// Rank 0 speaks for all where all ranks meet the same error;
// launchers tell a process its rank before MPI does.
bool speaks_for_all() {
  for (char const* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (char const* rank = std::getenv(name)) return std::atoi(rank) == 0;
  }
  return true;
}

// A command that all ranks of a job run together.
template <class Flags>
int run_job(Flags const& flags, int argc, char** argv) {
  // Before MPI starts its threads. A replay has nothing to save: it ends as any process does.
  if constexpr (std::is_same_v<Flags, atl::app::TrainFlags>) atl::base::install_stop_signals();
  atl::comm::MpiRuntime mpi(argc, argv);
  try {
    int const exit_code = run_command(flags, mpi);
    mpi.leave(exit_code);
    return exit_code;
  } catch (atl::app::AgreedInputError const& error) {
    // Said before MPI ends: a launcher kills the job when the first rank leaves with an error.
    if (mpi.rank() == 0) fmt::print(stderr, "error: {}\n", error.what());
    return static_cast<int>(ExitCode::bad_input);
  } catch (std::exception const& failure) {
    // The others may be waiting for this rank for ever: end the job.
    fmt::print(stderr, "error: rank {}: {}\n", mpi.rank(), failure.what());
    atl::comm::MpiRuntime::abort(static_cast<int>(ExitCode::runtime_failure));
  }
}

int run(atl::app::Flags const& flags, int argc, char** argv) {
  return std::visit(
      [&](auto const& chosen) {
        using Chosen = std::decay_t<decltype(chosen)>;
        if constexpr (std::is_same_v<Chosen, atl::app::TrainFlags> ||
                      std::is_same_v<Chosen, atl::app::ReplayFlags>) {
          return run_job(chosen, argc, argv);
        } else {
          return run_command(chosen);
        }
      },
      flags);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == atl::train::chaos_hand_word)
    return atl::train::be_chaos_hand(argv[2]);
  bool const speaks = speaks_for_all();
  auto const [flags, exit_code] = atl::app::parse(argc, argv, speaks);
  if (!flags) return exit_code;
  try {
    return run(*flags, argc, argv);
  } catch (atl::base::InputError const& error) {
    if (speaks) fmt::print(stderr, "error: {}\n", error.what());
    return static_cast<int>(ExitCode::bad_input);
  } catch (std::exception const& failure) {
    fmt::print(stderr, "error: {}\n", failure.what());
    return static_cast<int>(ExitCode::runtime_failure);
  }
}
