// atoll train: what rank 0 finds out about deck, data and folder, all ranks are told; then the run.
#include <fmt/format.h>

#include <filesystem>

#include "app/commands.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "deck/deck.hpp"
#include "train/console.hpp"
#include "train/run.hpp"

namespace atoll::app {

namespace {

// Runs `look` on rank 0 alone and gives every rank its text, or makes every rank throw its InputError.
template <class Look>
std::string on_rank_0(comm::MpiRuntime const& mpi, Look const& look) {
  std::string answer;
  if (mpi.rank() == 0) {
    try {
      answer = "+" + look();
    } catch (base::InputError const& error) {
      answer = std::string("-") + error.what();
    }
  }
  answer = mpi.broadcast_text(std::move(answer));
  if (answer.front() == '-') throw base::InputError(answer.substr(1));
  return answer.substr(1);
}

}  // namespace

int run_command(TrainFlags const& flags, comm::MpiRuntime& mpi) {
  auto const deck = on_rank_0(mpi, [&] { return deck::echo(deck::load(flags.deck, flags.overrides)); });
  auto const config = deck::parse(deck, flags.deck, {});
  auto const plan = train::make_plan(config);
  if (flags.check) {
    if (mpi.rank() == 0) base::log::console(train::describe(plan));
    return static_cast<int>(base::ExitCode::done);
  }
  comm::SiteLayout const layout(config, mpi.size());  // throws where the ranks do not fit, before anything is written

  train::RunFolder const folder(config.run.name);
  auto const state = on_rank_0(mpi, [&]() -> std::string {
    if (!flags.resume || !std::filesystem::exists(folder.root)) {
      train::create(folder, config);
      return "new";
    }
    if (train::read_outcome(folder) == "done") return "done";
    return "resume";
  });
  if (state == "done") {
    if (mpi.rank() == 0) base::log::console(fmt::format("{} is complete; there is nothing to resume", folder.root.string()));
    return static_cast<int>(base::ExitCode::done);
  }
  std::optional<train::ResumePoint> resume;
  if (state == "resume") resume = train::find_resume_point(folder, config);

  if (mpi.rank() == 0) {
    base::log::console(fmt::format("atoll {}, {}", ATOLL_VERSION, comm::describe_mpi()));
    base::log::console(train::describe(plan));
    base::log::console(resume ? fmt::format("run     {}, resumed from step {}", folder.root.string(), resume->step)
                              : fmt::format("run     {}", folder.root.string()));
  }
  bool const shows_progress = flags.progress == "always" || (flags.progress == "auto" && train::stdout_is_terminal());
  return static_cast<int>(train::run(plan, folder, resume, mpi, shows_progress));
}

}  // namespace atoll::app
