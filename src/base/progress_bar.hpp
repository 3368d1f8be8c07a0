// A progress bar with time left, in the last line of a terminal.
#pragma once

#include <cstdint>
#include <string>

namespace atl::base {

class ProgressBar {
 public:
  // From `first` to `total`. Where `is_shown` is false, nothing is ever drawn.
  ProgressBar(bool is_shown, std::uint64_t total, std::uint64_t first = 0)
      : is_shown_(is_shown), first_(first), total_(total) {}
  ~ProgressBar() { clear(); }
  ProgressBar(ProgressBar const&) = delete;
  ProgressBar& operator=(ProgressBar const&) = delete;

  // `done` of the total, `time_s` after the start; five times a second at most.
  void draw(std::uint64_t done, double time_s);
  // To be called before anything else is printed.
  void clear();

 private:
  bool is_shown_;
  std::uint64_t first_, total_;
  bool is_drawn_ = false;
  double drawn_s_ = 0.0;
};

// "1:02:03" or "2:03".
std::string minutes(double seconds);

}  // namespace atl::base
