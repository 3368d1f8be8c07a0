// Signals that ask a run to stop: SIGUSR1, SIGTERM and SIGINT become a flag, read at step boundaries.
#pragma once

namespace atl::base {

// Takes these signals from now on, for the life of the process. To be called before any thread is started:
// threads that are there already would still be interrupted. Signals must be meant for the process, as
// kill(2) sends them.
void install_stop_signals();

// True once one of them has arrived. Cheap; from any thread.
bool stop_requested();

}  // namespace atl::base
