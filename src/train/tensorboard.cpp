#include "train/tensorboard.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::train {

namespace {

using Json = nlohmann::json;

double unix_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Unique, and in the order of time: TensorBoard reads the files of a folder in the order of their names.
std::string file_name(double time_s) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("events.out.tfevents.{:017.6f}.{}.{}", time_s, host.data(), ::getpid());
}

struct Shown {
  char const* key;  // in the line
  char const* tag;  // in TensorBoard
};
constexpr std::array step_scalars{Shown{"loss", "train/loss"}, Shown{"lr", "train/lr"},
                                  Shown{"grad_norm", "train/grad_norm"},
                                  Shown{"tokens_per_s", "train/tokens_per_s"}};
constexpr std::array eval_scalars{Shown{"val_loss", "validation/loss"},
                                  Shown{"val_bits_per_byte", "validation/bits_per_byte"}};

// What is absent, or null because it was not finite, is left out.
std::vector<EventFile::Scalar> scalars_of(Json const& line, std::span<Shown const> shown) {
  std::vector<EventFile::Scalar> scalars;
  for (auto const& [key, tag] : shown) {
    auto const found = line.find(key);
    if (found != line.end() && found->is_number()) scalars.push_back({tag, found->get<double>()});
  }
  return scalars;
}

std::vector<EventFile::Scalar> commit_scalars(Json const& line) {
  auto const staleness = line.value("staleness", std::vector<double>{});
  auto const oldest = std::ranges::max_element(staleness);
  return {{"commit/members", static_cast<double>(line.value("members", Json::array()).size())},
          {"commit/staleness", oldest == staleness.end() ? 0.0 : *oldest},
          {"commit/wait_s", line.value("wait_s", 0.0)}};
}

}  // namespace

TensorBoard::TensorBoard(std::filesystem::path folder)
    : folder_(std::move(folder)), started_unix_s_(unix_s()) {}

void TensorBoard::observe(std::string const& metrics_line) try {
  auto const line = Json::parse(metrics_line);
  auto const event = line.value("event", "");
  auto const site = fmt::format("site_{}", line.value("site", 0));
  Moment const now{line.value("step", std::uint64_t{0}), line.value("time_s", 0.0)};
  if (event == "resume") resumed_step_ = now.step;
  // A site's own steps may be before or behind the clock.
  if (event == "step") write(site, now.step, now, scalars_of(line, step_scalars));
  if (event == "eval") write(site, now.step, now, scalars_of(line, eval_scalars));
  if (event == "commit") write("syncer", resumed_step_ + 1, now, commit_scalars(line));
} catch (std::exception const& failure) {
  base::log::warn_once("tensorboard", fmt::format("TensorBoard events are being lost: {}", failure.what()));
}

void TensorBoard::write(std::string const& run, std::uint64_t first_step, Moment now,
                        std::span<EventFile::Scalar const> scalars) {
  double const wall_time_s = started_unix_s_ + now.time_s;
  auto file = files_.find(run);
  if (file == files_.end()) {
    std::filesystem::create_directories(folder_ / run);
    file = files_.emplace(run, EventFile(folder_ / run / file_name(started_unix_s_), first_step, wall_time_s))
               .first;
  }
  if (!file->second.write(now.step, wall_time_s, scalars)) throw base::RuntimeFailure(std::strerror(errno));
}

}  // namespace atl::train
