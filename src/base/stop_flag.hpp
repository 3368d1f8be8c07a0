// Signals that ask a run to stop: SIGUSR1, SIGTERM and SIGINT become a flag, read at step boundaries.
#pragma once

namespace atl::base {

// Installs the handlers for the life of the process.
void install_stop_signals();

// True once one of them has arrived. Async-signal-safe to set, cheap to read.
bool stop_requested();

}  // namespace atl::base
