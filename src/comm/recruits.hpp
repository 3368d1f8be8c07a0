// Processes that come to take the places of lost ones: spares that waited, or such as MPI starts meanwhile.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace atl::comm {

// Between those who were there and those who have come: an intercommunicator for each lane of the transport.
// `orders` is a text from the former.
struct Bridge {
  Communicator control, bulk;
  std::string orders;
  bool is_host = true;    // this end
  Communicator recruits;  // at their end: those that came together
  int remote_size() const;
};

struct Wanted {
  int count = 1;
  std::vector<std::string> arguments;  // of this program, for processes that are started
  std::filesystem::path spares;        // where spares wait (spares.hpp); none do where it is not there
};

// Collective over those of `hosts` that live. A spare comes, if one waits, or `count` processes are started,
// which takes as long as a program takes to start, and meet_hosts(). Throws RuntimeFailure where MPI cannot.
Bridge recruit(Communicator const& hosts, Wanted const& wanted, std::string const& orders);

// True in a process that was started so.
bool is_recruit();
// And in a spare that has come as well: the job goes on without either.
bool has_come_later();
// Collective over the world of this process, which are those that were started together.
Bridge meet_hosts();
// The same in a spare that has been claimed, by itself. May wait for ever: who claimed it can be lost.
Bridge meet_hosts(std::string const& port);
// Collective over both ends: all of them as one, hosts first.
Communicator merge(Bridge const& bridge);

}  // namespace atl::comm
