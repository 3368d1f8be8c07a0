// Where the time of a run's sites went, and how much each took part, from its metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/metrics_history.hpp"

namespace atl::train {

// In seconds, over all sites and lives of the run.
struct Goodput {
  double site_s = 0.0;          // all there was
  double training_s = 0.0;      // in steps, without waits; those that were for nothing as well
  double lost_s = 0.0;          // of that: superseded by a resume, or gone with a site before it was sent
  double in_site_wait_s = 0.0;  // for other ranks of the site
  double checkpoint_s = 0.0;    // in which a step was held up
  double evaluation_s = 0.0;
  double recovery_s = 0.0;  // from a site's last step to the first of its next life

  double other_s() const {
    return site_s - training_s - in_site_wait_s - checkpoint_s - evaluation_s - recovery_s;
  }
  // Share of the time that went into steps that count.
  double share() const { return site_s > 0 ? (training_s - lost_s) / site_s : 0.0; }
};

Goodput account(History const& history);

// How many steps a site had taken before `time_s` that nobody had merged: of each fragment those since its
// last contribution, in the mean over fragments. By the clock of the commits, so to a step or two.
double steps_not_merged(History::Life const& life, int site, double time_s);

struct Participation {
  int site = 0;
  std::uint64_t commits = 0;  // with it
  double share = 0.0;         // of all
  double staleness = 0.0;     // mean, in commits
};
std::vector<Participation> participation(History const& history);

std::string describe(Goodput const& goodput);

}  // namespace atl::train
