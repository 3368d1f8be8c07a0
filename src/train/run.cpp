#include "train/run.hpp"

#include <fmt/format.h>

#include <memory>

#include "base/error.hpp"
#include "base/log.hpp"
#include "train/site_run.hpp"
#include "train/syncer_run.hpp"
#include "train/trace.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::train {

namespace {

// How long the last messages may take to leave this process.
constexpr double farewell_s = 30.0;

std::string describe(comm::Place here) {
  if (here.role == comm::Role::shard) return fmt::format("shard_{}", here.group);
  return fmt::format("site_{}_rank_{}", here.group, here.rank);
}

// The run is done, whatever becomes of its picture.
void publish_trace(RunFolder const& folder) {
  try {
    merge_trace(folder.root);
  } catch (base::RuntimeFailure const& failure) {
    base::log::warn(failure.what());
  }
}

// This process's part, from the first message to the last.
base::ExitCode live(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                    comm::MpiRuntime const& mpi, comm::World const& world, bool shows_progress) {
  double const start_s = mpi.agree_on_start_s();
  bool const speaks = world.here.role == comm::Role::shard || world.here.rank == 0;
  std::unique_ptr<transport::MpiTransport> transport;
  if (speaks) {
    transport = std::make_unique<transport::MpiTransport>(
        world, transport::MpiTransport::Options{.max_payload_bytes = outer::encoded_bytes(
                                                    outer::Codec::fp32, plan.table.largest_fragment())});
  }

  Trace trace({.is_on = plan.config.output.trace,
               .run_folder = folder.root,
               .who = describe(world.here),
               .rank = mpi.rank(),
               .start_s = start_s,
               .resumed_s = resume ? resume->manifest.time_s : 0.0});

  auto exit_code = base::ExitCode::done;
  bool everyone_left = true;
  if (world.here.role == comm::Role::shard) {
    SyncerRun shard(plan, folder, resume, shows_progress, world.here.group, *transport, trace, start_s);
    exit_code = shard.run();
    everyone_left = shard.has_everyone_left();
    if (mpi.rank() == 0) publish_trace(folder);
  } else {
    SiteRun site(plan, folder, resume, world, transport.get(), trace, start_s);
    exit_code = site.run();
  }
  if (transport) transport->close(farewell_s);
  // MPI_Finalize would wait for ever for a process that stands still. Shard 0 ends the job, once the outcome
  // is on disk.
  if (!everyone_left && mpi.rank() == 0) comm::MpiRuntime::abort(static_cast<int>(exit_code));
  return exit_code;
}

}  // namespace

base::ExitCode run(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                   comm::MpiRuntime const& mpi, bool shows_progress) {
  comm::World const world(mpi, comm::SiteLayout(plan.config, mpi.size()));
  auto const who = describe(world.here);
  base::log::open(folder.log(who), who, mpi.rank() == 0);
  try {
    auto const exit_code = live(plan, folder, resume, mpi, world, shows_progress);
    base::log::close();
    return exit_code;
  } catch (std::exception const& failure) {
    // This rank's alone, perhaps, and the others may be waiting for it: end the job.
    base::log::error(fmt::format("[{}] {}", who, failure.what()));
    if (auto const* ours = dynamic_cast<base::RuntimeFailure const*>(&failure))
      base::log::info(fmt::format("thrown at {}", ours->place()));
    bool const is_input = dynamic_cast<base::InputError const*>(&failure) != nullptr;
    comm::MpiRuntime::abort(
        static_cast<int>(is_input ? base::ExitCode::bad_input : base::ExitCode::runtime_failure));
  }
}

}  // namespace atl::train
