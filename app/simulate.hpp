// What `atoll simulate` can do: one function for each kind of deck. Each returns the exit code.
#pragma once

#include <string>

#include "app/flags.hpp"
#include "base/progress_bar.hpp"

namespace atl::app {

// `text` is that of the deck.
int simulate_storm(SimulateFlags const& flags, std::string const& text);
int simulate_goodput(SimulateFlags const& flags, std::string const& text);
int simulate_decoupled(SimulateFlags const& flags, std::string const& text);
int simulate_bandwidth(SimulateFlags const& flags, std::string const& text);

// Whether a progress bar is wanted, and would not be in the way.
bool shows_progress(SimulateFlags const& flags);

}  // namespace atl::app
