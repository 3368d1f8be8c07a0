// The MPI runtime of one process, and the world it was started in: the only home of MPI_COMM_WORLD.
#pragma once

#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "comm/site_layout.hpp"

namespace atl::comm {

// Holds MPI from construction to destruction. MPI_THREAD_MULTIPLE, since the transport's thread sends while
// the loop thread is inside a site's collective; throws RuntimeFailure where MPI offers less.
//
// Destruction waits for all processes: an exception that not all of them throw is caught within, and aborts.
class MpiRuntime {
 public:
  MpiRuntime(int& argc, char**& argv);
  ~MpiRuntime();
  MpiRuntime(MpiRuntime const&) = delete;
  MpiRuntime& operator=(MpiRuntime const&) = delete;

  int rank() const;
  int size() const;
  // Collective over the world. The text of one rank on every rank.
  std::string broadcast_text(std::string text, int from = 0) const;
  // Collective over the world. The first text in rank order that is not empty, on every rank;
  // "" where all are.
  std::string first_text(std::string const& mine) const;
  // Collective over the world. Returns the time, on this process's clock, at which the run began.
  double agree_on_start_s() const;
  // Ends every process of the job at once.
  [[noreturn]] static void abort(int exit_code);
};

// The world split by a layout. Collective over the world when constructed.
struct World {
  World(MpiRuntime const& runtime, SiteLayout layout);

  SiteLayout layout;
  Place here;
  Place in_deck;         // under data_parallel the site whose text this rank trains on
  Communicator site;     // the ranks of this site; empty on shards
  Communicator control;  // the whole world, for the transport's control lane
  Communicator bulk;     // and its bulk lane
};

// MPI's version and whether it can contain a lost process (ULFM), for `atoll info`.
std::string describe_mpi();

}  // namespace atl::comm
