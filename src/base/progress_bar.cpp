#include "base/progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace atl::base {

void ProgressBar::draw(std::uint64_t done, double time_s) {
  constexpr double interval_s = 0.2;
  if (!is_shown_ || time_s - drawn_s_ <= interval_s) return;
  constexpr std::size_t width = 32;
  auto const share = static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(1, total_));
  auto const filled = static_cast<std::size_t>(std::min(1.0, share) * static_cast<double>(width));
  std::string left = "--:--";
  if (done > first_ && done <= total_)
    left = minutes(time_s * static_cast<double>(total_ - done) / static_cast<double>(done - first_));
  fmt::print(stdout, "\r\033[K[{}{}] {}/{}  {} left", std::string(filled, '#'),
             std::string(width - filled, '.'), done, total_, left);
  std::fflush(stdout);
  is_drawn_ = true;
  drawn_s_ = time_s;
}

void ProgressBar::clear() {
  if (!is_drawn_) return;
  std::fputs("\r\033[K", stdout);
  std::fflush(stdout);
  is_drawn_ = false;
}

std::string minutes(double seconds) {
  auto const s = static_cast<long>(std::max(0.0, seconds) + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace atl::base
