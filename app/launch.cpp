// atoll launch: a training job under mpirun or srun that can be interrupted, with an exit code that can be
// trusted. This process knows no MPI: it starts the launcher, hands on signals, and reads status.json.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "app/child_process.hpp"
#include "app/commands.hpp"
#include "app/job_command.hpp"
#include "app/launcher_words.hpp"
#include "base/clock.hpp"
#include "base/exit_code.hpp"
#include "checkpoint/sets.hpp"
#include "comm/site_layout.hpp"
#include "deck/deck.hpp"
#include "train/inspect_run.hpp"
#include "train/tape_file.hpp"

namespace atl::app {

namespace {

// A job that has not begun may take a signal as any young process does: it dies. So the signal waits for the
// run to begin, but not for ever.
constexpr double longest_start_s = 20.0;
// What the launcher has to end the job, before it is ended itself.
constexpr double farewell_s = 5.0;

// Tells one status.json from the next: they are renamed into place.
struct FileVersion {
  ino_t inode = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  bool operator==(FileVersion const&) const = default;
};

FileVersion version_of(std::filesystem::path const& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

// By its newest checkpoint: the step in a status is the clock of the run, which may pass the last step of a
// site.
bool is_done(train::RunFolder const& folder, std::uint64_t steps) {
  if (train::read_outcome(folder) != "done" || !std::filesystem::exists(folder.checkpoints())) return false;
  auto const newest = checkpoint::newest_complete(folder.checkpoints());
  return newest && newest->manifest.step >= steps;
}

class Job {
 public:
  explicit Job(LaunchFlags const& flags, deck::RunConfig const& config)
      : folder_(config.run.name),
        ranks_(comm::SiteLayout::ranks_needed(config)),
        before_(version_of(folder_.status())),
        was_done_(flags.train.resume && is_done(folder_, config.run.steps)),
        child_(job_command(flags, config)) {}

  int run() {
    int const code = child_.wait({.on_error_line = [&](auto const& line) { on_error_line(line); },
                                  .on_signal = [&](int signal) { on_signal(signal); },
                                  .on_tick = [&] { on_tick(); }});
    auto const outcome = outcome_of(code);
    if (outcome.value_or(base::ExitCode::bad_input) == base::ExitCode::bad_input)
      explain(code, !outcome && !job_said_why_);
    if (outcome) return static_cast<int>(*outcome);
    bool const was_interrupted =
        code == static_cast<int>(base::ExitCode::stopped_resumable) || words_.tell_of_a_kill();
    return static_cast<int>(has_begun() ? train::mark_ended(folder_, was_interrupted)
                                        : base::ExitCode::runtime_failure);
  }

 private:
  void on_error_line(std::string const& line) {
    if (!words_.is_from_job(line)) return;
    fmt::print(stderr, "{}\n", line);
    job_said_why_ = job_said_why_ || line.find("error: ") != line.npos;
  }

  // Asked once, the job stops with a checkpoint; interrupted twice, it ends at once.
  void on_signal(int signal) {
    if (signal == SIGINT && !kill_s_ && asked_s_) {
      fmt::print(stderr, "\ninterrupted again: ending the job without a checkpoint\n");
      kill_s_ = base::now_s();
      child_.send(SIGTERM);
    } else if (!asked_s_) {
      fmt::print(stderr, "{}\n",
                 signal == SIGINT ? "\nstopping with a checkpoint; interrupt once more to end at once"
                                  : "stopping with a checkpoint");
      asked_s_ = base::now_s();
    }
  }

  void on_tick() {
    double const now_s = base::now_s();
    if (asked_s_ && !is_told_ && (has_begun() || now_s - *asked_s_ > longest_start_s)) {
      child_.send(SIGUSR1);  // which mpirun and srun hand on to every process of the job
      is_told_ = true;
    }
    if (kill_s_ && now_s - *kill_s_ > farewell_s) child_.send_to_group(SIGKILL);
  }

  // This job has written the run's status.
  bool has_begun() const { return version_of(folder_.status()) != before_; }

  // None where neither the run nor its launcher tells. A launcher's own code says little (0 after a lost
  // node), but 2 comes from a process that found bad input, before anything was written.
  std::optional<base::ExitCode> outcome_of(int code) const {
    auto const status = has_begun() ? train::read_status(folder_) : std::nullopt;
    if (status && !status->is_running()) return status->exit_code;
    if (!status && code == static_cast<int>(base::ExitCode::bad_input)) return base::ExitCode::bad_input;
    if (!status && code == 0 && was_done_) return base::ExitCode::done;
    return std::nullopt;
  }

  // What the launcher said and the job did not, if it is known; or else all that it said, `in_full`.
  void explain(int code, bool in_full) const {
    if (kill_s_) return;
    if (auto const problem = words_.explain(ranks_)) {
      fmt::print(stderr, "error: {}: {}; {}\n", problem->where, problem->what, problem->remedy);
    } else if (in_full) {
      fmt::print(stderr, "{}error: launch: the job ended with code {}, and {} {}\n", words_.kept(), code,
                 folder_.status().string(), has_begun() ? "had no last word" : "is not of this job");
    }
  }

  train::RunFolder folder_;
  int ranks_;
  FileVersion before_;
  bool was_done_;  // before, and may be resumed: then there is nothing to do
  ChildProcess child_;
  LauncherWords words_;
  std::optional<double> asked_s_, kill_s_;  // when the job was to stop, and to end
  bool is_told_ = false;
  bool job_said_why_ = false;  // then what its launcher makes of the end is noise
};

// The deck of the life that is to be replayed, or of the first.
deck::RunConfig config_of(ReplayFlags const& flags) {
  train::RunFolder folder("");
  folder.root = flags.run;
  auto const lives = train::read_tapes(folder);
  auto const found = std::ranges::find(lives, flags.life, &train::LifeOfRun::number);
  return found == lives.end() ? lives.front().config : found->config;
}

}  // namespace

int run_command(LaunchFlags const& flags) {
  bool const is_replay = !flags.replay.run.empty();
  auto const config =
      is_replay ? config_of(flags.replay) : deck::load(flags.train.deck, flags.train.overrides);
  if (flags.sbatch && is_replay)
    throw base::InputError("--sbatch", "does not go with --replay", "run atoll replay in a job of your own");
  if (flags.sbatch) {
    fmt::print("{}", batch_script(flags, config));
    return static_cast<int>(base::ExitCode::done);
  }
  if (flags.dry_run) {
    fmt::print("{}", shell_text(job_command(flags, config)));
    return static_cast<int>(base::ExitCode::done);
  }
  if (flags.train.check || is_replay) {  // has no status to tell how it ended
    ChildProcess job(job_command(flags, config));
    return job.wait({.on_error_line = [](auto const& line) { fmt::print(stderr, "{}\n", line); },
                     .on_signal = [&](int signal) { job.send(signal); },
                     .on_tick = [] {}});
  }
  return Job(flags, config).run();
}

}  // namespace atl::app
