// Storms: the protocol under seeded faults, held against its invariants.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "app/simulate.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/exit_code.hpp"
#include "sim/keys.hpp"
#include "sim/storm.hpp"

namespace atl::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t lines_of_context = 60;  // of the trace of a seed that failed
constexpr std::size_t seeds_explained = 3;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

sim::SeedRange parse_seeds(std::string const& text) {
  auto const dots = text.find("..");
  auto const first = number(std::string_view(text).substr(0, dots));
  auto const last = dots == std::string::npos ? first : number(std::string_view(text).substr(dots + 2));
  if (!first || !last || *first > *last || *last == std::numeric_limits<std::uint64_t>::max())
    throw base::InputError("--seeds", fmt::format("'{}' is no range of seeds", text), "write 7 or 1..1000");
  return {*first, *last};
}

// A line a kind of message, a column a kind of fault.
void print_coverage(sim::Coverage const& coverage) {
  fmt::print("\nmessages under way or handled while a fault was on at an end of theirs\n{:<14}", "");
  for (std::size_t fault = 0; fault < sim::fault_kinds; ++fault)
    fmt::print("{:>11}", sim::name(static_cast<sim::FaultKind>(fault)));
  for (std::size_t kind = 0; kind < coverage.size(); ++kind) {
    fmt::print("\n{:<14}", protocol::kind_name(kind));
    for (std::size_t fault = 0; fault < sim::fault_kinds; ++fault) {
      bool const never = sim::why_never(kind, static_cast<sim::FaultKind>(fault)) != nullptr;
      fmt::print("{:>11}", never ? "-" : fmt::format("{}", coverage[kind][fault]));
    }
  }
  fmt::print("\n");
}

void print_pairs_that_never_meet() {
  for (std::size_t kind = 0; kind < std::tuple_size_v<sim::Coverage>; ++kind) {
    std::map<std::string_view, std::string> faults_by_reason;
    for (std::size_t fault = 0; fault < sim::fault_kinds; ++fault) {
      auto const* why = sim::why_never(kind, static_cast<sim::FaultKind>(fault));
      if (why) faults_by_reason[why] += fmt::format(" {}", sim::name(static_cast<sim::FaultKind>(fault)));
    }
    for (auto const& [why, faults] : faults_by_reason)
      fmt::print("- {} never meets{}: it {}\n", protocol::kind_name(kind), faults, why);
  }
}

void print_refused(sim::StormReport const& report) {
  fmt::print("contributions refused:");
  for (auto const& [reason, times] : report.refused) fmt::print(" {} {}", times, protocol::name(reason));
  fmt::print("\n");
}

std::string reproduce(SimulateFlags const& flags, std::uint64_t seed) {
  std::string command = fmt::format("atoll simulate --seeds {0}..{0} --trace {1}", seed, flags.deck);
  for (auto const& override : flags.overrides) command += fmt::format(" --set '{}'", override);
  return command;
}

// The run once more, now with its trace.
void print_trace(sim::StormConfig const& config, std::uint64_t seed, std::size_t lines) {
  auto const scenario = sim::draw_scenario(config, seed);
  sim::Trace trace(true);
  sim::World(scenario, trace).run();
  auto const& all = trace.lines();
  fmt::print("{}", scenario.text());
  if (lines < all.size()) fmt::print("  ... {} lines before\n", all.size() - lines);
  for (std::size_t i = all.size() - std::min(lines, all.size()); i < all.size(); ++i)
    fmt::print("{}\n", all[i]);
}

void print_failures(SimulateFlags const& flags, sim::StormConfig const& config,
                    sim::StormReport const& report) {
  for (std::size_t i = 0; i < report.failed.size(); ++i) {
    auto const& [seed, violation] = report.failed[i];
    fmt::print("\nseed {} breaks '{}' at {:.4f} s: {}\n  {}\n", seed, violation.invariant, violation.time_s,
               violation.what, reproduce(flags, seed));
    if (i < seeds_explained && !flags.trace) print_trace(config, seed, lines_of_context);
  }
}

Json to_json(sim::StormReport const& report, double seconds) {
  Json json{{"seeds", report.seeds},
            {"events", report.events},
            {"faults", report.faults},
            {"seconds", seconds},
            {"events_per_s", static_cast<double>(report.events) / seconds},
            {"fewest_events", report.fewest_events},
            {"fewest_faults", report.fewest_faults},
            {"restarts", report.restarts},
            {"replays", report.replays},
            {"replayed_versions", report.replayed_versions},
            {"digest", report.digest.hex()},
            {"violations", Json::array()},
            {"coverage", Json::object()}};
  for (auto const& [seed, violation] : report.failed)
    json["violations"].push_back({{"seed", seed},
                                  {"invariant", violation.invariant},
                                  {"what", violation.what},
                                  {"time_s", violation.time_s}});
  for (std::size_t kind = 0; kind < report.coverage.size(); ++kind) {
    auto& row = json["coverage"][protocol::kind_name(kind)];
    for (std::size_t fault = 0; fault < sim::fault_kinds; ++fault)
      row[sim::name(static_cast<sim::FaultKind>(fault))] = report.coverage[kind][fault];
  }
  return json;
}

}  // namespace

int simulate_storm(SimulateFlags const& flags, std::string const& text) {
  auto const config = sim::parse_storm(text, flags.deck, flags.overrides);
  auto const seeds = parse_seeds(flags.seeds);
  if (flags.trace && flags.json)
    throw base::InputError("--trace", "does not go with --json", "leave one of them out");
  if (flags.trace) {
    for (auto seed = seeds.first; seed <= seeds.last; ++seed) print_trace(config, seed, ~std::size_t{0});
  }
  base::ProgressBar bar(shows_progress(flags), seeds.last - seeds.first + 1);
  double const begin_s = base::now_s();
  auto const report =
      sim::run_seeds(config, seeds, 0, [&](std::uint64_t done) { bar.draw(done, base::now_s() - begin_s); });
  double const seconds = base::now_s() - begin_s;
  bar.clear();
  if (flags.json) {
    fmt::print("{}\n", to_json(report, seconds).dump(2));
  } else {
    fmt::print(
        "{} seeds, {} events ({} at least), {} faults ({} at least), {:.1f} s, {:.0f} events/s: {} "
        "violations\n",
        report.seeds, report.events, report.fewest_events, report.faults, report.fewest_faults, seconds,
        static_cast<double>(report.events) / seconds, report.failed.size());
    fmt::print(
        "{} runs went on from a snapshot, {} were told again from their tapes ({} versions compared)\n",
        report.restarts, report.replays, report.replayed_versions);
    print_refused(report);
    print_coverage(report.coverage);
    print_pairs_that_never_meet();
    print_failures(flags, config, report);
  }
  return static_cast<int>(report.failed.empty() ? base::ExitCode::done : base::ExitCode::runtime_failure);
}

}  // namespace atl::app
