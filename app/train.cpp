// atoll train: what rank 0 finds out about deck, data and folder, all ranks are told; then the run.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "app/commands.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "deck/deck.hpp"
#include "train/console.hpp"
#include "train/run.hpp"

namespace atl::app {

namespace {

// Runs `look` on rank 0 alone and gives every rank its text, or makes every rank throw its InputError.
template <class Look>
std::string on_rank_0(comm::MpiRuntime const& mpi, Look const& look) {
  std::string answer;
  base::InputError problem("", "", "");
  if (mpi.rank() == 0) {
    try {
      answer = fmt::format("+{}", look());
    } catch (base::InputError const& error) {
      problem = error;
      answer = "-";
    }
  }
  answer = mpi.broadcast_text(std::move(answer));
  if (answer.front() == '-') throw AgreedInputError(problem);
  return answer.substr(1);
}

// Makes the folder of a new run, or finds where an old one goes on: the set to resume from, "" to start at
// the beginning, or `is_complete`.
constexpr char const* is_complete = "complete";

std::string open_folder(train::RunFolder const& folder, train::RunPlan const& plan, bool may_resume) {
  if (!may_resume || !std::filesystem::exists(folder.root)) {
    train::create(folder, plan.config);
    return "";
  }
  if (train::read_outcome(folder) == "done") return is_complete;
  auto const found =
      std::filesystem::exists(folder.checkpoints()) ? train::find_resume_point(folder, plan) : std::nullopt;
  train::reopen(folder, plan.config);
  return found ? found->folder.string() : "";
}

}  // namespace

int run_command(TrainFlags const& flags, comm::MpiRuntime& mpi) {
  auto const deck = on_rank_0(mpi, [&] { return deck::echo(deck::load(flags.deck, flags.overrides)); });
  auto const config = deck::parse(deck, flags.deck, {});
  on_rank_0(mpi, [&] {
    data::check_digests(train::make_plan(config).dataset);
    // Before anything is written: do the ranks fit?
    if (!flags.check) comm::SiteLayout(config, mpi.size());
    return "";
  });
  auto const plan = train::make_plan(config);
  if (flags.check) {
    if (mpi.rank() == 0) base::log::console(train::describe(plan));
    return static_cast<int>(base::ExitCode::done);
  }

  train::RunFolder const folder(config.run.name);
  auto const set = on_rank_0(mpi, [&]() -> std::string { return open_folder(folder, plan, flags.resume); });
  if (set == is_complete) {
    if (mpi.rank() == 0) {
      base::log::console(fmt::format("{} is complete; there is nothing to resume", folder.root.string()));
    }
    return static_cast<int>(base::ExitCode::done);
  }
  std::optional<train::ResumePoint> resume;
  if (!set.empty()) resume = train::resume_from(set);

  if (mpi.rank() == 0) {
    if (std::getenv("OMP_NUM_THREADS") == nullptr) {
      base::log::warn("OMP_NUM_THREADS is not set: every rank may use all cores; set it to 1");
    }
    base::log::console(fmt::format("atoll {}, {}", ATOLL_VERSION, comm::describe_mpi()));
    base::log::console(train::describe(plan));
    base::log::console(
        resume ? fmt::format("run     {}, resumed from step {}", folder.root.string(), resume->step)
               : fmt::format("run     {}", folder.root.string()));
  }
  bool const shows_progress =
      flags.progress == "always" || (flags.progress == "auto" && train::stdout_is_terminal());
  return static_cast<int>(train::run(plan, folder, resume, mpi, shows_progress));
}

}  // namespace atl::app
