#include "train/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/clock.hpp"
#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/spares.hpp"
#include "deck/deck.hpp"
#include "kernels/device.hpp"
#include "train/chaos_channel.hpp"
#include "train/profile.hpp"
#include "train/shared_moments.hpp"
#include "train/site_return.hpp"
#include "train/site_run.hpp"
#include "train/syncer_run.hpp"
#include "train/tape_file.hpp"
#include "train/trace.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::train {

namespace {

// How long the last messages may take to leave this process.
constexpr double farewell_s = 30.0;
constexpr double last_word_s = 1.0;  // or, where it is lost

std::string describe(comm::Place here) {
  if (here.role == comm::Role::shard) return fmt::format("shard_{}", here.group);
  if (here.role == comm::Role::spare) return fmt::format("spare_{}", here.group);
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

transport::MpiTransport::Options transport_options(RunPlan const& plan) {
  auto const agreed = base::digest_of(deck::agreement(plan.config) + plan.table.digest().hex());
  return {.max_payload_bytes = longest_payload_bytes(plan),
          .introduction = {},
          .agreement = static_cast<std::uint32_t>(agreed.low),
          .link = {}};
}

// What all processes of a life know before it begins.
struct Life {
  std::uint64_t number = 1;
  double start_s = 0.0;  // on this process's clock
  std::optional<ResumePoint> resume;
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

// A spare may be about to rename its file.
void close_spares(RunFolder const& folder) {
  std::error_code failure;
  for (int attempt = 0; attempt < 3 && std::filesystem::exists(folder.spares(), failure); ++attempt)
    std::filesystem::remove_all(folder.spares(), failure);
}

// A shard whose memory has changed leaves as if it were killed; shard 0 ends the run.
base::ExitCode run_until_corrupted(SyncerRun& shard, int number, transport::MpiTransport& transport) try {
  return shard.run();
} catch (Corrupted const& what) {
  if (number == 0) throw;
  base::log::error(fmt::format("[shard_{}] {}", number, what.what()));
  transport.close(last_word_s);  // nobody knows that it goes: nobody says farewell
  comm::MpiRuntime::leave(0);    // the outcome of the run is not this one's
  throw;
}

base::ExitCode live_as_shard(RunPlan const& plan, RunFolder const& folder, Life const& life,
                             comm::World const& world, bool shows_progress) {
  int const number = world.here.group;
  Trace trace(trace_options(plan, folder, describe(world.here), number, life));
  transport::MpiTransport transport(world, transport_options(plan));
  auto const chaos = Chaos::of(plan.config, folder, world, life.start_s);
  if (chaos) chaos->speak_by(transport);
  auto const tape = open_tape(plan, folder, world.here);
  Crew crew(world.shards, [&](comm::Route const& route, int site) { transport.add_line(route, site); });
  SyncerRun shard(plan, folder, life.resume, shows_progress, number,
                  {transport, tape.get(), chaos.get(), std::move(crew), life.number}, trace, life.start_s);
  if (tape) shard.tape_start(start_of(plan, life));
  auto const exit_code = run_until_corrupted(shard, number, transport);
  if (number == 0) close_spares(folder);
  if (number == 0) publish_trace(folder);
  transport.close(farewell_s);
  // MPI_Finalize would wait for ever for a process that stands still. Shard 0 ends the job, once the outcome
  // is on disk.
  if (!shard.has_everyone_left() && number == 0) comm::MpiRuntime::abort(static_cast<int>(exit_code));
  return exit_code;
}

// One rank of a site, through all of the site's lives that it is in.
class SiteRank {
 public:
  SiteRank(RunPlan const& plan, RunFolder const& folder, Life const& life, comm::World& world)
      : plan_(plan),
        folder_(folder),
        life_(life),
        world_(world),
        trace_(trace_options(plan, folder, describe(world.here),
                             world.layout.leader_rank(world.here.group) + world.here.rank, life)),
        chaos_(Chaos::of(plan.config, folder, world, life.start_s)) {}

  // `incarnation`: of a site that returns; else 0.
  base::ExitCode live(std::uint64_t incarnation) {
    for (;;) {
      if (world_.site.rank() == 0 && !transport_) lead(incarnation);
      auto last = std::max<std::uint64_t>(incarnation, 1);
      try {
        auto const exit_code = live_once(incarnation, last);
        if (transport_) transport_->close(farewell_s);
        return exit_code;
      } catch (MustReturn const& why) {
        base::log::info(fmt::format("site {} returns: {}", world_.here.group, why.what()));
      } catch (comm::ProcessLost const& why) {
        if (!can_return(plan_)) throw;
        base::log::info(fmt::format("site {} returns: {}", world_.here.group, why.what()));
      }
      incarnation = come_together(plan_, folder_, world_,
                                  {.site = world_.here.group,
                                   .incarnation = last + 1,
                                   .life = life_.number,
                                   .elapsed_s = base::now_s() - life_.start_s,
                                   .shards = {}});
      if (chaos_) chaos_->read_what_was_done();
    }
  }

 private:
  void lead(std::uint64_t incarnation) {
    auto options = transport_options(plan_);
    auto const& link = plan_.config.link;
    options.link = {.delay_s = link.delay_ms / 1e3, .bytes_per_s = link.bandwidth_mbit_s * 1e6 / 8};
    if (incarnation > 0) options.introduction = {static_cast<std::uint32_t>(world_.here.group), incarnation};
    transport_ = std::make_unique<transport::MpiTransport>(world_, options);
    if (chaos_) chaos_->speak_by(*transport_);
    tape_ = open_tape(plan_, folder_, world_.here);
  }

  std::unique_ptr<SiteChannel> open_channel() {
    if (!transport_) return nullptr;
    if (chaos_) return std::make_unique<ChaosChannel>(plan_, *transport_, *chaos_);
    return std::make_unique<SiteChannel>(plan_, *transport_);
  }

  // `last`: the incarnation that it came to know as its own.
  base::ExitCode live_once(std::uint64_t incarnation, std::uint64_t& last) {
    SiteRun::Links links{.channel = open_channel(),
                         .tape = tape_.get(),
                         .chaos = chaos_.get(),
                         .start = start_of(plan_, life_),
                         .incarnation = incarnation};
    auto const& resume = incarnation > 0 ? nowhere : life_.resume;
    SiteRun site(plan_, folder_, resume, world_, std::move(links), trace_, life_.start_s);
    last = site.incarnation();
    return site.run();
  }

  static inline std::optional<ResumePoint> const nowhere;

  RunPlan const& plan_;
  RunFolder const& folder_;
  Life const& life_;
  comm::World& world_;
  Trace trace_;
  std::unique_ptr<Chaos> chaos_;
  std::unique_ptr<transport::MpiTransport> transport_;  // the leader's
  std::unique_ptr<TapeFile> tape_;                      // likewise
};

base::ExitCode exit_code_of(std::exception const& failure) {
  if (dynamic_cast<base::InputError const*>(&failure) != nullptr) return base::ExitCode::bad_input;
  if (dynamic_cast<base::Interrupted const*>(&failure) != nullptr) return base::ExitCode::stopped_resumable;
  if (dynamic_cast<base::Hung const*>(&failure) != nullptr) return base::ExitCode::watchdog;
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

// One who has come during the run, in the place of one who is lost.
base::ExitCode serve(RunPlan const& plan, RunFolder const& folder, comm::Bridge bridge) {
  auto const orders = read_orders(bridge.orders);
  std::vector<int> shard_ranks;
  if (!orders.shards.empty()) shard_ranks.assign(static_cast<std::size_t>(plan.config.syncer.ranks), -1);
  for (std::size_t rank = 0; rank < orders.shards.size(); ++rank)
    shard_ranks.at(static_cast<std::size_t>(orders.shards[rank])) = static_cast<int>(rank);
  comm::World world(comm::SiteLayout(plan.config, comm::SiteLayout::ranks_needed(plan.config)), orders.site,
                    std::move(bridge), std::move(shard_ranks));
  return as(describe(world.here), folder, /*owns_console=*/false, [&] {
    Life const life{orders.life, base::now_s() - orders.elapsed_s, std::nullopt};
    world.watch(describe(world.here), plan.config.run.watchdog_s);
    kernels::Device const device({.number = world.here.rank, .comes_late = true});
    auto const incarnation = fall_in(plan, folder, world, orders);
    return SiteRank(plan, folder, life, world).live(incarnation);
  });
}

base::ExitCode live_as_spare(RunPlan const& plan, RunFolder const& folder, int number) {
  try {
    auto bridge = comm::wait_as_spare(folder.spares(), number);
    return bridge ? serve(plan, folder, std::move(*bridge)) : base::ExitCode::done;
  } catch (base::RuntimeFailure const& failure) {
    base::log::info(fmt::format("who called is lost, or gave up: {}", failure.what()));
    return base::ExitCode::done;
  }
}

// Empty, while the run lasts.
void open_spares(RunFolder const& folder) {
  std::filesystem::remove_all(folder.spares());
  std::filesystem::create_directory(folder.spares());
}

// What was trained is not lost with its profile.
void publish(Profile const& profile, RunFolder const& folder, comm::Place here) {
  auto const summary = profile.summary();
  auto const file = folder.profile(describe(here));
  try {
    std::filesystem::create_directories(file.parent_path());
    // One of an earlier life stays where this one had no steps.
    if (summary.steps > 0 || !std::filesystem::exists(file))
      base::publish_text(file, to_json(summary) + '\n');
  } catch (std::exception const& failure) {
    base::log::warn(fmt::format("the profile is not in {}: {}", file.string(), failure.what()));
  }
  // Not by the log: the console of a job is that of shard 0.
  if (here.group == 0 && here.rank == 0) fmt::print("{}\n", to_table(summary));
  std::fflush(stdout);  // a job that ends kills who is not gone
}

}  // namespace

base::ExitCode run(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                   comm::MpiRuntime const& mpi, RunOptions const& options) {
  comm::World world(mpi, comm::SiteLayout(plan.config, mpi.size()));
  return as(describe(world.here), folder, mpi.rank() == 0, [&] {
    if (mpi.rank() == 0 && plan.config.sites.spares > 0) open_spares(folder);
    auto const number = mpi.broadcast_text(mpi.rank() == 0 ? std::to_string(next_life(folder)) : "");
    Life const life{std::stoull(number), mpi.agree_on_start_s(), resume};
    if (world.here.role == comm::Role::spare) return live_as_spare(plan, folder, world.here.group);
    world.watch(describe(world.here), plan.config.run.watchdog_s);
    if (world.here.role == comm::Role::shard)
      return live_as_shard(plan, folder, life, world, options.shows_progress);
    std::optional<Profile> profile;
    if (options.profiles) profile.emplace(plan);
    auto const exit_code = SiteRank(plan, folder, life, world).live(/*incarnation=*/0);
    if (profile) publish(*profile, folder, world.here);
    return exit_code;
  });
}

base::ExitCode run_as_recruit(RunPlan const& plan, RunFolder const& folder) {
  return serve(plan, folder, comm::meet_hosts());
}

}  // namespace atl::train
