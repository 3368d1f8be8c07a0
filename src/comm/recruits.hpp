// Processes that MPI starts while the job runs, to take the places of lost ones.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace atl::comm {

// The two ends of what was started: an intercommunicator for each lane of the transport. `orders` is a text
// from those who started them.
struct Bridge {
  Communicator control, bulk;
  std::string orders;
  bool is_host = true;  // this end
};

// Collective over those of `hosts` that live. Starts `count` processes of this program with these arguments,
// which meet_hosts(). Takes as long as a program takes to start. Throws RuntimeFailure where MPI cannot.
Bridge recruit(Communicator const& hosts, int count, std::vector<std::string> const& arguments,
               std::string const& orders);

// True in a process that was started so.
bool is_recruit();
// Collective over the world of this process, which are those that were started together.
Bridge meet_hosts();
// Their world, as a communicator of its own.
Communicator all_recruits();
// Collective over both ends: all of them as one, hosts first.
Communicator merge(Bridge const& bridge);

}  // namespace atl::comm
