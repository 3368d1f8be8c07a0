#include "train/run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/stop_flag.hpp"
#include "train/site_run.hpp"
#include "train/syncer_run.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::train {

namespace {

// How long the last messages may take to leave this process.
constexpr double farewell_s = 30.0;

std::string describe(comm::Place here) {
  if (here.role == comm::Role::shard) return fmt::format("shard_{}", here.group);
  return fmt::format("site_{}_rank_{}", here.group, here.rank);
}

std::size_t largest_fragment(tensor::ParamTable const& table) {
  std::size_t largest = 0;
  for (int p = 0; p < table.fragments(); ++p) largest = std::max(largest, table.fragment(p).size);
  return largest;
}

}  // namespace

base::ExitCode run(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                   comm::MpiRuntime const& mpi, bool shows_progress) {
  comm::World const world(mpi, comm::SiteLayout(plan.config, mpi.size()));
  auto const who = describe(world.here);
  base::log::open(folder.log(who), who, mpi.rank() == 0);
  base::install_stop_signals();
  double const start_s = mpi.agree_on_start_s();

  bool const speaks = world.here.role == comm::Role::shard || world.here.rank == 0;
  std::unique_ptr<transport::MpiTransport> transport;
  if (speaks) {
    transport = std::make_unique<transport::MpiTransport>(
        world, transport::MpiTransport::Options{.max_payload_floats = largest_fragment(plan.table)});
  }

  auto exit_code = base::ExitCode::done;
  bool everyone_left = true;
  if (world.here.role == comm::Role::shard) {
    SyncerRun shard(plan, folder, resume, shows_progress, world.here.group, *transport, start_s);
    exit_code = shard.run();
    everyone_left = shard.has_everyone_left();
  } else {
    SiteRun site(plan, folder, resume, world, transport.get(), start_s);
    exit_code = site.run();
  }
  if (transport) transport->close(farewell_s);
  base::log::close();
  // MPI_Finalize would wait for ever for a process that stands still; the outcome is on disk already.
  if (!everyone_left) comm::MpiRuntime::abort(static_cast<int>(exit_code));
  return exit_code;
}

}  // namespace atl::train
