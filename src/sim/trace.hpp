// A readable account of a run: time, who, what. Costs nothing while it is off.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace atl::sim {

class Trace {
 public:
  explicit Trace(bool is_on) : is_on_(is_on) {}

  bool is_on() const { return is_on_; }
  void line(double time_s, std::string const& who, std::string const& what) {
    if (is_on_) lines_.push_back(fmt::format("{:10.4f}  {:<8}  {}", time_s, who, what));
  }
  std::vector<std::string> const& lines() const { return lines_; }

 private:
  bool is_on_;
  std::vector<std::string> lines_;
};

}  // namespace atl::sim
