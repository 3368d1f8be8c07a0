// atoll replay: a recorded run executed again, and every digest compared with its tapes.
#include "train/replay.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "app/agreement.hpp"
#include "app/commands.hpp"
#include "base/exit_code.hpp"
#include "checkpoint/sets.hpp"
#include "comm/site_layout.hpp"
#include "kernels/device.hpp"
#include "train/life_tail.hpp"

namespace atl::app {

namespace {

// The lives that are asked for, all of which must fit the ranks that are here.
std::vector<train::LifeOfRun> chosen_lives(ReplayFlags const& flags, train::RunFolder const& folder,
                                           int ranks) {
  auto lives = train::read_tapes(folder);
  if (flags.from) {
    auto const set = checkpoint::set_folder(folder.checkpoints(), *flags.from);
    lives = {train::tail_from(std::move(lives), train::resume_from(set))};
  }
  if (flags.life > 0) std::erase_if(lives, [&](auto const& life) { return life.number != flags.life; });
  if (lives.empty()) {
    throw base::InputError("--life", fmt::format("{} has no life {}", flags.run, flags.life),
                           "lives are numbered from 1: every start and resume is one");
  }
  for (auto const& life : lives) {
    train::check_replayable(life, folder);
    int const needed = comm::SiteLayout::ranks_needed(life.config);
    if (needed == ranks) continue;
    throw base::InputError(flags.run,
                           fmt::format("life {} had {} ranks, and here are {}", life.number, needed, ranks),
                           fmt::format("start {} ranks with --life {}", needed, life.number));
  }
  return lives;
}

std::string describe(train::LifeReplay const& result) {
  auto text = fmt::format("life {}: {} of {} boundaries and {} of {} commits executed again, ", result.life,
                          result.boundaries, result.taped_boundaries, result.commits, result.taped_commits);
  if (result.differences.empty() && result.is_whole()) return text + "every digest equal\n";
  if (result.differences.empty())
    return text +
           "every digest of these equal; the rest builds on what a tape that ends early does not tell\n";
  text += "NOT EQUAL\n";
  for (auto const& difference : result.differences) text += difference + '\n';
  return text;
}

nlohmann::ordered_json to_json(train::LifeReplay const& result) {
  return {{"life", result.life},
          {"boundaries", result.boundaries},
          {"taped_boundaries", result.taped_boundaries},
          {"commits", result.commits},
          {"taped_commits", result.taped_commits},
          {"whole", result.is_whole()},
          {"differences", result.differences}};
}

}  // namespace

int run_command(ReplayFlags const& flags, comm::MpiRuntime& mpi) {
  train::RunFolder folder("");
  folder.root = flags.run;
  std::vector<train::LifeOfRun> lives;
  on_every_rank(mpi, [&] { lives = chosen_lives(flags, folder, mpi.size()); });
  kernels::Device const device({.number = mpi.number_on_node()});  // of all lives
  bool is_equal = true;
  nlohmann::ordered_json json{
      {"run", flags.run}, {"equal", true}, {"changes", nlohmann::ordered_json::array()}};
  for (auto const& life : lives) {
    auto const changes =
        on_rank_0(mpi, [&] { return fmt::format("{}", fmt::join(train::changes_since(life), "\n")); });
    if (mpi.rank() == 0 && !changes.empty())
      fmt::print(stderr, "life {} was made otherwise: {}\n", life.number, changes);
    if (!changes.empty()) json["changes"].push_back(changes);
    auto const result = train::replay(life, folder, mpi);
    is_equal = is_equal && result.differences.empty();
    json["lives"].push_back(to_json(result));
    if (mpi.rank() == 0 && !flags.json) fmt::print("{}", describe(result));
  }
  json["equal"] = is_equal;
  if (mpi.rank() == 0 && flags.json) fmt::print("{}\n", json.dump(2));
  return static_cast<int>(is_equal ? base::ExitCode::done : base::ExitCode::runtime_failure);
}

}  // namespace atl::app
