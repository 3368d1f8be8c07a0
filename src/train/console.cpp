#include "train/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace atl::train {

namespace {

constexpr double stall_interval_s = 15.0;
constexpr double still_s = 1.0;  // and two steps: who has not taken one for so long stands still

using Json = nlohmann::json;

// A number that may be absent, or null where it was not finite.
double number(Json const& line, char const* key) {
  auto const found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : std::nan("");
}

}  // namespace

Console::Console(RunPlan const& plan, std::uint64_t first_step, bool shows_progress)
    : total_steps_(plan.config.run.steps),
      report_every_(std::max<std::uint64_t>(1, plan.config.output.report_every_steps)),
      first_step_(first_step),
      next_report_((first_step / report_every_ + 1) * report_every_),
      bar_(shows_progress, total_steps_, first_step),
      names_sites_(effective_sites(plan.config) > 1 && sites_per_corpus(plan.config) == 1),
      versions_(has_outer_exchange(plan.config) ? static_cast<std::size_t>(plan.table.fragments()) : 0) {}

void Console::observe(std::string const& metrics_line) {
  auto const line = nlohmann::json::parse(metrics_line, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return;
  auto const event = line.value("event", "");
  if (event == "commit" || event == "restored") {
    auto const fragment = line.value("fragment", std::size_t{0});
    if (fragment < versions_.size()) versions_[fragment] = line.value("version", std::uint64_t{0});
  }
  if (event == "step") {
    sites_[line.value("site", 0)] = {number(line, "time_s"), number(line, "loss"), number(line, "step_s"),
                                     number(line, "tokens_per_s")};
  } else if (event == "return") {
    bar_.clear();
    base::log::console(fmt::format("back       | site {} trains again, from step {} of its own",
                                   line.value("site", 0), line.value("step", 0)));
  } else if (event == "commit") {
    ++commits_;
    members_ += line.value("members", Json::array()).size();
    wait_s_ += number(line, "wait_s");
  } else if (event == "eval") {
    bar_.clear();
    auto text =
        line.value("final", false) ? "final      " : fmt::format("eval  {:>5}", line.value("step", 0));
    if (names_sites_) text += fmt::format(" | site {}", line.value("site", 0));
    text += fmt::format(" | validation loss {:.4f} nats a token", number(line, "val_loss"));
    if (auto const bits = number(line, "val_bits_per_byte"); std::isfinite(bits))
      text += fmt::format(", {:.4f} bits a byte", bits);
    base::log::console(text);
  } else if (event == "checkpoint") {
    bar_.clear();
    base::log::console(fmt::format("saved {:>5} | {} in {:.2f} s", line.value("step", 0),
                                   line.value("path", ""), number(line, "seconds")));
  }
}

void Console::tick(std::uint64_t clock, double time_s, std::uint64_t bytes) {
  if (clock >= next_report_ && !sites_.empty()) {
    report(clock, time_s, bytes);
    next_report_ = (clock / report_every_ + 1) * report_every_;
  }
  bar_.draw(clock, time_s);
}

void Console::report(std::uint64_t clock, double time_s, std::uint64_t bytes) {
  double loss = 0.0, tokens_per_s = 0.0;
  std::string rates;
  for (auto const& [site, state] : sites_) {
    loss += state.loss / static_cast<double>(sites_.size());
    bool const moves = time_s - state.time_s < still_s + 2 * state.step_s;
    tokens_per_s += moves ? state.tokens_per_s : 0.0;
    rates += fmt::format(" {:.2f}", moves && state.step_s > 0 ? 1.0 / state.step_s : 0.0);
  }
  auto text = fmt::format("step {:>6}/{} | loss {:.4f} | {:.0f} tok/s | steps/s{}", clock, total_steps_, loss,
                          tokens_per_s, rates);
  if (!versions_.empty()) {
    text += fmt::format(" | fragments v{} | ", fmt::join(versions_, " "));
    if (commits_ > 0) {
      auto const commits = static_cast<double>(commits_);
      text += fmt::format("{:.1f} sites a commit, open {:.2f} s | ", static_cast<double>(members_) / commits,
                          wait_s_ / commits);
    }
    text += fmt::format("wire {:.1f} MB", static_cast<double>(bytes) / 1e6);
  }
  if (clock < total_steps_ && clock > first_step_) {
    auto const rest = static_cast<double>(total_steps_ - clock) / static_cast<double>(clock - first_step_);
    text += fmt::format(" | {} left", base::minutes(time_s * rest));
  } else if (clock > total_steps_) {
    text += " | the word of the end is on its way to the sites";
  }
  bar_.clear();
  base::log::console(text);
  commits_ = members_ = 0;
  wait_s_ = 0.0;
}

void Console::stalled(std::string const& waiting_for, double now_s) {
  if (waiting_for.empty() || now_s - stall_said_s_ < stall_interval_s) return;
  stall_said_s_ = now_s;
  bar_.clear();
  base::log::warn(waiting_for);
}

bool stdout_is_terminal() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  // mpirun gives its ranks a pseudo-terminal whatever it writes to itself, so what counts is the launcher's
  // own stdout.
  if (std::getenv("OMPI_COMM_WORLD_RANK") == nullptr && std::getenv("PMIX_RANK") == nullptr) return true;
  std::error_code error;
  auto const target = std::filesystem::read_symlink(fmt::format("/proc/{}/fd/1", getppid()), error);
  return !error && target.string().starts_with("/dev/pts/");
}

}  // namespace atl::train
