#include "train/time_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "base/log.hpp"

namespace atl::train {

namespace {

constexpr double for_ever = std::numeric_limits<double>::infinity();

double until_margin(double margin_s, std::string_view job_end, double unix_now_s) {
  if (job_end.empty()) return for_ever;
  std::uint64_t end_s = 0;
  auto const [rest, error] = std::from_chars(job_end.data(), job_end.data() + job_end.size(), end_s);
  double const left_s = static_cast<double>(end_s) - unix_now_s;
  if (error != std::errc{} || rest != job_end.data() + job_end.size()) {
    base::log::warn(fmt::format("SLURM_JOB_END_TIME is no time in seconds and is ignored: '{}'", job_end));
    return for_ever;
  }
  if (left_s <= 0) {
    base::log::warn("SLURM_JOB_END_TIME has passed and is ignored: it is of another job");
    return for_ever;
  }
  double const train_s = left_s > margin_s ? left_s - margin_s : left_s / 2;
  base::log::info(fmt::format("the job ends in {:.0f} s: the run stops in {:.0f} s", left_s, train_s));
  return train_s;
}

}  // namespace

double seconds_to_train(deck::RunSection const& run, std::string_view job_end, double unix_now_s) {
  double const by_deck = run.walltime_s > 0 ? run.walltime_s : for_ever;
  return std::min(by_deck, until_margin(run.walltime_margin_s, job_end, unix_now_s));
}

double seconds_to_train(deck::RunSection const& run) {
  char const* const job_end = std::getenv("SLURM_JOB_END_TIME");
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return seconds_to_train(run, job_end == nullptr ? "" : job_end, std::chrono::duration<double>(now).count());
}

}  // namespace atl::train
