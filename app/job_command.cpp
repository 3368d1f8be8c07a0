#include "app/job_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.hpp"
#include "comm/site_layout.hpp"
#include "comm/world.hpp"
#include "kernels/buffer.hpp"

namespace atl::app {

namespace {

std::filesystem::path this_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

// Where the shell would find `program`; empty: nowhere.
std::string find_on_path(std::string const& program) {
  char const* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto const file = std::filesystem::path(folder) / program;
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

// The mpirun of the MPI that this program was linked with, unless the user names another.
std::string find_mpirun() {
  if (char const* const chosen = std::getenv("ATOLL_MPIRUN")) return chosen;
  return access(ATOLL_MPIRUN, X_OK) == 0 ? ATOLL_MPIRUN : find_on_path("mpirun");
}

// A scheduler's job, whose hosts and slots mpirun finds out by itself.
bool is_in_allocation() {
  constexpr std::array marks = {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PE_HOSTFILE"};
  return std::ranges::any_of(marks, [](char const* name) { return std::getenv(name) != nullptr; });
}

// 0: another MPI.
int open_mpi_major() {
  auto const library = comm::describe_mpi();
  constexpr std::string_view prefix = "Open MPI v";
  return library.starts_with(prefix) ? std::atoi(library.c_str() + prefix.size()) : 0;
}

std::vector<std::string> train_arguments(TrainFlags const& flags) {
  std::vector<std::string> arguments{flags.deck};
  for (auto const& override : flags.overrides) {
    arguments.push_back("--set");
    arguments.push_back(override);
  }
  if (flags.resume) arguments.push_back("--resume");
  if (flags.check) arguments.push_back("--check");
  if (flags.profile) arguments.push_back("--profile");
  if (flags.progress != TrainFlags{}.progress) {
    arguments.push_back("--progress");
    arguments.push_back(flags.progress);
  }
  return arguments;
}

std::vector<std::string> replay_arguments(ReplayFlags const& flags) {
  std::vector<std::string> arguments{flags.run};
  if (flags.life > 0) {
    arguments.push_back("--life");
    arguments.push_back(std::to_string(flags.life));
  }
  if (flags.from) {
    arguments.push_back("--from");
    arguments.push_back(std::to_string(*flags.from));
  }
  if (flags.json) arguments.push_back("--json");
  return arguments;
}

void append(std::vector<std::string>& list, std::vector<std::string> const& more) {
  list.insert(list.end(), more.begin(), more.end());
}

// mpirun with the options of scripts/mpirun.sh. `outlives`: the method can do without a lost process. Where
// it cannot, mpirun says which process was lost, and how.
JobCommand mpirun_command(std::string const& mpirun, int ranks, bool outlives) {
  JobCommand command{.arguments = {mpirun, "-n", std::to_string(ranks)}, .environment = {}};
  int const open_mpi = open_mpi_major();
  if (open_mpi == 0) return command;
  append(command.arguments, {"--bind-to", "none", "-x", "OMP_NUM_THREADS"});
  bool const is_fault_tolerant = outlives && open_mpi >= 5;
  if (is_fault_tolerant)
    append(command.arguments, {"--with-ft", "ulfm", "--prtemca", "state_base_recoverable", "1"});
  if (is_fault_tolerant && is_in_allocation()) append(command.arguments, {"--mca", "pml", "ob1"});
  if (!is_in_allocation()) {
    append(command.arguments, {"--oversubscribe", "--mca", "pml", "ob1", "--mca", "btl",
                               open_mpi < 5 ? "self,vader,tcp" : "self,sm,tcp"});
  }
  if (geteuid() == 0) {
    command.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
  }
  return command;
}

JobCommand srun_command(std::string const& srun, int ranks) {
  JobCommand command{.arguments = {srun, "-n", std::to_string(ranks), "--kill-on-bad-exit=1"},
                     .environment = {}};
  if (open_mpi_major() > 0) command.arguments.push_back("--mpi=pmix");
  return command;
}

// Open MPI's mpirun starts its daemons through Slurm itself; other MPIs are started by srun there.
bool prefers_srun(std::string const& mpirun) {
  return std::getenv("SLURM_JOB_ID") != nullptr && (mpirun.empty() || open_mpi_major() == 0);
}

std::string quoted(std::string const& word) {
  auto const plain = [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("_-+=./,:@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string text = "'";
  for (char const c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// The end of a job script, the same in scripts/slurm. A trap interrupts bash's `wait`, which then says
// nothing of the run. After TERM, which is scancel's, a requeue would bring back what was cancelled; by a
// number without its task it would take the whole array.
constexpr char const* wait_and_requeue =
    R"(# Five minutes before the end of its time the job is sent USR1: atoll saves a checkpoint and leaves with code 75, and
# the job goes back into the queue, where the same script goes on with the run. To end it for good with a checkpoint:
# scancel --batch --signal=TERM JOB. A plain scancel may leave no time for one.
run=$! interrupted=1 cancelled=
trap 'interrupted=1; kill -USR1 "$run"' USR1
trap 'interrupted=1; cancelled=1; kill -USR1 "$run"' TERM
while [ "$interrupted" ]; do interrupted=; wait "$run"; code=$?; done
if [ "$code" = 75 ] && [ ! "$cancelled" ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
)";

}  // namespace

JobCommand job_command(LaunchFlags const& flags, deck::RunConfig const& config) {
  JobCommand command;
  if (!flags.train.check) {
    int const ranks = comm::SiteLayout::ranks_needed(config);
    auto const mpirun = find_mpirun();
    auto srun = find_on_path("srun");
    bool const by_srun = flags.launcher == "srun" || (flags.launcher == "auto" && prefers_srun(mpirun));
    if (by_srun && srun.empty() && flags.dry_run) srun = "srun";  // to be looked at here, and run elsewhere
    if (by_srun && srun.empty()) {
      throw base::InputError("--launcher", "there is no srun on the PATH",
                             "load your site's Slurm, or use --launcher mpirun");
    }
    if (!by_srun && mpirun.empty()) {
      throw base::InputError("--launcher", "there is no mpirun on the PATH",
                             "load the MPI that atoll was built with, or name its mpirun: ATOLL_MPIRUN=...");
    }
    command = by_srun ? srun_command(srun, ranks)
                      : mpirun_command(mpirun, ranks, config.run.method == deck::Method::decoupled);
    if (std::getenv("OMP_NUM_THREADS") == nullptr) command.environment.emplace_back("OMP_NUM_THREADS", "1");
  }
  bool const is_replay = !flags.replay.run.empty();
  append(command.arguments, {this_program(), is_replay ? "replay" : "train"});
  append(command.arguments, is_replay ? replay_arguments(flags.replay) : train_arguments(flags.train));
  return command;
}

std::string shell_text(JobCommand const& command) {
  std::string text;
  for (auto const& [name, value] : command.environment) text += fmt::format("{}={} ", name, quoted(value));
  for (auto const& argument : command.arguments) text += quoted(argument) + ' ';
  text.back() = '\n';
  return text;
}

std::string batch_script(LaunchFlags const& flags, deck::RunConfig const& config) {
  auto again = flags.train;
  again.resume = true;  // starts anew where there is nothing to resume
  JobCommand command{.arguments = {this_program(), "launch", "--launcher", flags.launcher},
                     .environment = {}};
  append(command.arguments, train_arguments(again));
  constexpr double margin_s = 600.0;
  auto const minutes = static_cast<long>(std::ceil((config.run.walltime_s + margin_s) / 60.0));
  auto const time = config.run.walltime_s > 0
                        ? fmt::format("#SBATCH --time={}  # minutes: run.walltime_s and ten\n", minutes)
                        : std::string("#SBATCH --time=24:00:00  # as your queue allows\n");
  char const* const gpus =
      kernels::is_host_memory ? "" : "#SBATCH --gpus-per-node=4  # as many as site ranks share a node\n";
  auto launch = shell_text(command);
  launch.pop_back();
  return fmt::format(R"(#!/bin/bash
#SBATCH --job-name={}
#SBATCH --ntasks={}
#SBATCH --cpus-per-task=1
{}{}#SBATCH --output=%x.%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300

{} &

{})",
                     config.run.name, comm::SiteLayout::ranks_needed(config), gpus, time, launch,
                     wait_and_requeue);
}

}  // namespace atl::app
