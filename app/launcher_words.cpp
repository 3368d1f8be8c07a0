#include "app/launcher_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl::app {

namespace {

struct Complaint {
  std::string_view words;  // the launcher's; "{}" in ours is the number of ranks, or the signal
  std::string_view what, remedy;
};

constexpr std::string_view killed = "on signal 9 ";

// Of Open MPI 4 and 5, PRRTE and Slurm. The first that is found counts.
constexpr std::array complaints = {
    Complaint{"not enough slots available", "there are fewer slots than the {} ranks that the deck needs",
              "ask the scheduler for {} tasks, or change sites.count, sites.ranks or syncer.ranks"},
    Complaint{"More processors requested than permitted",
              "the allocation is smaller than the {} ranks that the deck needs",
              "ask the scheduler for {} tasks, or change sites.count, sites.ranks or syncer.ranks"},
    Complaint{"attempt to run as root", "mpirun refuses to run as root",
              "set OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, or use another account"},
    Complaint{"could not access an executable", "a node of the job cannot see the program",
              "install atoll where all nodes can read it: cmake --install"},
    Complaint{"unrecognized option",
              "this mpirun does not know the options of the MPI that atoll was built with",
              "name the right one: ATOLL_MPIRUN=/its/prefix/bin/mpirun"},
    Complaint{"started with 1 ranks",
              "this launcher belongs to another MPI: every process believed it was alone",
              "name the mpirun of the MPI that atoll was built with (atoll info): ATOLL_MPIRUN=..."},
    Complaint{"was not built with SLURM", "this MPI cannot be started by srun directly",
              "use --launcher mpirun"},
    Complaint{"listener thread failed to start",
              "mpirun has the process id of an earlier job that was killed, and found its folder",
              "start it once more, or remove the folders ompi.* of jobs that are gone from the temporary files"},
    Complaint{"unable to reliably start one or more daemons", "a node could not be reached",
              "look at the nodes of the job; then go on with --resume"},
    Complaint{"lost communication with a remote daemon", "a node was lost",
              "look at the nodes of the job; then go on with --resume"},
    Complaint{killed, "a process was killed from outside, perhaps because memory ran out",
              "see the memory of a rank: --check; then go on with --resume"},
    Complaint{"on signal ", "a process crashed", "see the end of its file in log/ of the run"},
};

bool is_rule(std::string_view line) {
  auto const begin = std::min(line.find_first_not_of(' '), line.size());
  auto const dashes = line.substr(begin);
  return dashes.size() >= 60 && dashes.find_first_not_of('-') == dashes.npos;
}

bool is_signed(std::string_view line) {
  constexpr std::array<std::string_view, 5> names = {
      "mpirun:", "mpiexec:", "prterun:", "srun:", "slurmstepd:"};
  return std::ranges::any_of(names, [&](std::string_view name) { return line.starts_with(name); });
}

// Ours, which may come in the middle of a frame.
bool is_log_line(std::string_view line) {
  return line.starts_with("error: ") || line.starts_with("warning: ");
}

// Long runs may say much: what was said last counts.
void append(std::string& text, std::string_view more) {
  constexpr std::size_t longest = 1 << 16;
  text += more;
  if (text.size() > longest) text.erase(0, text.size() - longest);
}

}  // namespace

bool LauncherWords::is_from_job(std::string_view line) {
  for (auto rest = line; !rest.empty();) {
    auto const word = rest.substr(0, rest.find(' '));
    if (!word.empty()) append(words_, fmt::format("{} ", word));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  bool const rule = is_rule(line);
  if (rule) in_frame_ = !in_frame_;
  if (!rule && (is_log_line(line) || !(in_frame_ || is_signed(line)))) return true;
  append(kept_, fmt::format("{}\n", line));
  return false;
}

bool LauncherWords::tell_of_a_kill() const { return words_.find(killed) != words_.npos; }

std::optional<base::Problem> LauncherWords::explain(int ranks) const {
  auto const found = std::ranges::find_if(
      complaints, [&](auto const& complaint) { return words_.find(complaint.words) != words_.npos; });
  if (found == complaints.end()) return std::nullopt;
  auto const with_ranks = [&](std::string_view text) { return fmt::format(fmt::runtime(text), ranks); };
  return base::Problem{"launch", with_ranks(found->what), with_ranks(found->remedy)};
}

}  // namespace atl::app
