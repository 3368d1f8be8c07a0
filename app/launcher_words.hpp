// What mpirun and srun say on stderr, told apart from what the job's own processes say, and in our words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace atl::app {

class LauncherWords {
 public:
  // True where the line is a process's of the job, to be shown. The launcher's own are kept: what it frames
  // in rules, and what it signs with its name.
  bool is_from_job(std::string_view line);

  // A process of the job was killed from outside.
  bool tell_of_a_kill() const;
  // What the launcher complained of, where it is known. `ranks`: that the job needs.
  std::optional<base::Problem> explain(int ranks) const;

  std::string const& kept() const { return kept_; }

 private:
  std::string kept_;
  std::string words_;  // all lines of both kinds, with single spaces, to be searched
  bool in_frame_ = false;
};

}  // namespace atl::app
