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
  if (mpi.rank() == 0) {
    try {
      answer = std::string("+") + look();
    } catch (base::InputError const& error) {
      mpi.broadcast_text(std::string("-") + error.what());
      throw;
    }
  }
  answer = mpi.broadcast_text(std::move(answer));
  if (answer.front() == '-') throw base::InputError("deck", answer.substr(1), "");  // rank 0 prints its own
  return answer.substr(1);
}

}  // namespace

int run_command(TrainFlags const& flags, comm::MpiRuntime& mpi) {
  auto const deck = on_rank_0(mpi, [&] { return deck::echo(deck::load(flags.deck, flags.overrides)); });
  auto const config = deck::parse(deck, flags.deck, {});
  auto const plan = train::make_plan(config);
  on_rank_0(mpi, [&] {
    data::check_digests(plan.dataset);
    return "";
  });
  if (flags.check) {
    if (mpi.rank() == 0) base::log::console(train::describe(plan));
    return static_cast<int>(base::ExitCode::done);
  }
  comm::SiteLayout const layout(config,
                                mpi.size());  // throws where the ranks do not fit, before anything is written

  train::RunFolder const folder(config.run.name);
  auto const state = on_rank_0(mpi, [&]() -> std::string {
    if (!flags.resume || !std::filesystem::exists(folder.root)) {
      train::create(folder, plan.config);
      return "new";
    }
    if (train::read_outcome(folder) == "done") return "done";
    return "resume";
  });
  if (state == "done") {
    if (mpi.rank() == 0)
      base::log::console(fmt::format("{} is complete; there is nothing to resume", folder.root.string()));
    return static_cast<int>(base::ExitCode::done);
  }
  std::optional<train::ResumePoint> resume;
  if (state == "resume") {
    auto const set = on_rank_0(mpi, [&]() -> std::string {
      auto const found = train::find_resume_point(folder, plan.config);
      return found ? found->folder.string() : "";
    });
    if (!set.empty()) resume = train::resume_from(set);
  }

  if (mpi.rank() == 0) {
    if (std::getenv("OMP_NUM_THREADS") == nullptr) {
      base::log::warn(
          "OMP_NUM_THREADS is not set: every rank may use all cores for its matrix products; set it to 1");
    }
    base::log::console(fmt::format("atoll {}, {}", ATOLL_VERSION, comm::describe_mpi()));
    base::log::console(train::describe(plan));
    base::log::console(
        resume ? fmt::format("run     {}, resumed from step {}", folder.root.string(), resume->step)
               : fmt::format("run     {}", folder.root.string()));
  }
  bool const shows_progress =
      flags.progress == "always" || (flags.progress == "auto" && train::stdout_is_terminal());
  try {
    return static_cast<int>(train::run(plan, folder, resume, mpi, shows_progress));
  } catch (base::InputError const& error) {
    // From here on an error is one rank's own, and the others may be waiting for it: end the job.
    fmt::print(stderr, "error: {}\n", error.what());
    comm::MpiRuntime::abort(static_cast<int>(base::ExitCode::bad_input));
  }
}

}  // namespace atl::app
