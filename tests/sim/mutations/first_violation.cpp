// Runs the seeds of a storm deck until one breaks an invariant, and says in four lines: which seed, which
// invariant, after how many events, and how. first_violation DECK SEEDS [KEY=VALUE ...]
#include <fmt/format.h>

#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "sim/keys.hpp"
#include "sim/storm.hpp"

int main(int argc, char** argv) {
  using namespace atl;
  std::vector<std::string> const arguments(argv + 1, argv + argc);
  try {
    std::ifstream deck(arguments.at(0));
    std::string const text{std::istreambuf_iterator<char>(deck), {}};
    auto const seeds = std::stoull(arguments.at(1));
    auto const config = sim::parse_storm(text, arguments[0], {arguments.begin() + 2, arguments.end()});
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      sim::Trace silent(false);
      auto const outcome = sim::run_seed(config, seed, silent);
      if (!outcome.violation) continue;
      fmt::print("{}\n{}\n{}\n{}\n", seed, outcome.violation->invariant, outcome.events,
                 outcome.violation->what);
      return 0;
    }
  } catch (std::exception const& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    return 2;
  }
}
