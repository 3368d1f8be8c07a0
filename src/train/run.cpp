#include "train/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "train/shared_moments.hpp"
#include "train/site_run.hpp"
#include "train/syncer_run.hpp"
#include "train/tape_file.hpp"
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

protocol::Participant participant(comm::Place here) {
  using Kind = protocol::Participant::Kind;
  return {here.role == comm::Role::shard ? Kind::shard : Kind::site, here.group};
}

std::size_t longest_payload_bytes(RunPlan const& plan) {
  return std::max(OuterModel::longest_replica_bytes(plan), longest_moments_bytes(plan));
}

// What all processes of a life know before it begins.
struct Life {
  std::uint64_t number = 1;
  double start_s = 0.0;  // on this process's clock
  std::optional<ResumePoint> const& resume;
};

TraceOptions trace_options(RunPlan const& plan, RunFolder const& folder, std::string who, int rank,
                           Life const& life) {
  return {.is_on = plan.config.output.trace,
          .run_folder = folder.root,
          .who = std::move(who),
          .rank = rank,
          .start_s = life.start_s,
          .resumed_s = life.resume ? life.resume->manifest.time_s : 0.0};
}

std::unique_ptr<TapeFile> open_tape(RunPlan const& plan, RunFolder const& folder, comm::Place here) {
  bool const speaks = here.role == comm::Role::shard || here.rank == 0;
  if (!speaks || !plan.config.run.deterministic) return nullptr;
  return std::make_unique<TapeFile>(folder.tape(participant(here)));
}

protocol::TapedStart start_of(RunPlan const& plan, Life const& life) {
  return taped_start(life.number, plan.config, life.resume ? std::optional(life.resume->step) : std::nullopt);
}

base::ExitCode live_as_shard(RunPlan const& plan, RunFolder const& folder, Life const& life,
                             comm::World const& world, bool shows_progress) {
  int const number = world.here.group;
  Trace trace(trace_options(plan, folder, describe(world.here), number, life));
  transport::MpiTransport transport(world, {.max_payload_bytes = longest_payload_bytes(plan)});
  auto const tape = open_tape(plan, folder, world.here);
  Crew crew(world.shards, folder,
            [&](comm::Route const& route, int site) { transport.add_line(route, site); });
  SyncerRun shard(plan, folder, life.resume, shows_progress, number,
                  {transport, tape.get(), std::move(crew), life.number}, trace, life.start_s);
  if (tape) shard.tape_start(start_of(plan, life));
  auto const exit_code = shard.run();
  if (number == 0) publish_trace(folder);
  transport.close(farewell_s);
  // MPI_Finalize would wait for ever for a process that stands still. Shard 0 ends the job, once the outcome
  // is on disk.
  if (!shard.has_everyone_left() && number == 0) comm::MpiRuntime::abort(static_cast<int>(exit_code));
  return exit_code;
}

// `incarnation`: of a site that returns; else 0.
base::ExitCode live_as_site(RunPlan const& plan, RunFolder const& folder, Life const& life,
                            comm::World const& world, std::uint64_t incarnation) {
  int const rank = world.layout.leader_rank(world.here.group) + world.here.rank;
  Trace trace(trace_options(plan, folder, describe(world.here), rank, life));
  auto const tape = open_tape(plan, folder, world.here);
  SiteRun::Links links{
      .channel = nullptr, .tape = tape.get(), .start = start_of(plan, life), .incarnation = incarnation};
  std::unique_ptr<transport::MpiTransport> transport;
  if (world.here.rank == 0) {
    transport::MpiTransport::Options options{.max_payload_bytes = longest_payload_bytes(plan)};
    if (incarnation > 0) options.introduction = {static_cast<std::uint32_t>(world.here.group), incarnation};
    transport = std::make_unique<transport::MpiTransport>(world, options);
    links.channel = std::make_unique<SiteChannel>(plan, *transport);
  }
  SiteRun site(plan, folder, life.resume, world, std::move(links), trace, life.start_s);
  auto const exit_code = site.run();
  if (transport) transport->close(farewell_s);
  return exit_code;
}

base::ExitCode exit_code_of(std::exception const& failure) {
  if (dynamic_cast<base::InputError const*>(&failure) != nullptr) return base::ExitCode::bad_input;
  if (dynamic_cast<base::Interrupted const*>(&failure) != nullptr) return base::ExitCode::stopped_resumable;
  return base::ExitCode::runtime_failure;
}

// `part` is what this process does; whatever it throws ends the job: this rank's alone, perhaps, and the
// others may be waiting for it.
template <class Part>
base::ExitCode as(std::string const& who, RunFolder const& folder, bool owns_console, Part&& part) {
  base::log::open(folder.log(who), who, owns_console);
  try {
    auto const exit_code = part();
    base::log::close();
    return exit_code;
  } catch (std::exception const& failure) {
    base::log::error(fmt::format("[{}] {}", who, failure.what()));
    if (auto const* ours = dynamic_cast<base::RuntimeFailure const*>(&failure))
      base::log::info(fmt::format("thrown at {}", ours->place()));
    comm::MpiRuntime::abort(static_cast<int>(exit_code_of(failure)));
  }
}

}  // namespace

base::ExitCode run(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                   comm::MpiRuntime const& mpi, bool shows_progress) {
  comm::World const world(mpi, comm::SiteLayout(plan.config, mpi.size()));
  return as(describe(world.here), folder, mpi.rank() == 0, [&] {
    auto const number = mpi.broadcast_text(mpi.rank() == 0 ? std::to_string(next_life(folder)) : "");
    Life const life{std::stoull(number), mpi.agree_on_start_s(), resume};
    if (world.here.role == comm::Role::shard) return live_as_shard(plan, folder, life, world, shows_progress);
    return live_as_site(plan, folder, life, world, /*incarnation=*/0);
  });
}

base::ExitCode run_as_recruit(RunPlan const& plan, RunFolder const& folder) {
  auto bridge = comm::meet_hosts();
  auto const orders = read_orders(bridge.orders);
  comm::World const world(comm::SiteLayout(plan.config, comm::SiteLayout::ranks_needed(plan.config)),
                          orders.site, std::move(bridge), orders.shards);
  return as(describe(world.here), folder, /*owns_console=*/false, [&] {
    Life const life{orders.life, base::now_s() - orders.elapsed_s, std::nullopt};
    return live_as_site(plan, folder, life, world, orders.incarnation);
  });
}

}  // namespace atl::train
