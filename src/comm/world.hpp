// The MPI runtime of one process, and the world it was started in: the only home of MPI_COMM_WORLD.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/recruits.hpp"
#include "comm/site_layout.hpp"
#include "comm/watchdog.hpp"

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
  // Collective over the world: how many of its ranks before this one are on the same node.
  int number_on_node() const;
  // Collective over the world. The text of one rank on every rank.
  std::string broadcast_text(std::string text, int from = 0) const;
  // Collective over the world. The first text in rank order that is not empty, on every rank;
  // "" where all are.
  std::string first_text(std::string const& mine) const;
  // Collective over the world. Ranks that name the same thing as this one, and the sum of their amounts.
  struct Company {
    int ranks = 0;
    std::uint64_t amount = 0;
  };
  Company company(std::string const& thing, std::uint64_t amount) const;
  // Collective over the world. Returns the time, on this process's clock, at which the run began.
  double agree_on_start_s() const;
  // At the end of a process that has said goodbye by messages: does not return where the job outlives losses,
  // since MPI_Finalize may not where anybody was lost. (Open MPI 5.0: it can hang or crash.)
  static void leave(int exit_code);
  // Ends every process of the job at once.
  [[noreturn]] static void abort(int exit_code);
};

// How a process is reached: by its rank in two communicators, which are not owned.
struct Route {
  MPI_Comm control = MPI_COMM_NULL;
  MPI_Comm bulk = MPI_COMM_NULL;
  int rank = 0;
};

// The world split by a layout. Collective over the world when constructed.
struct World {
  World(MpiRuntime const& runtime, SiteLayout layout);
  // As seen by a process that was started later: with its whole site by the shards, or by what is left of the
  // site, which it joins; then it knows no way to the shards.
  World(SiteLayout layout, int site, Bridge bridge, std::vector<int> shard_ranks);

  // This thread, and the ranks of the site, are watched (Watchdog).
  void watch(std::string who, double limit_s);
  // In place of the site that was.
  void set_site(Communicator ranks);

  Route route_to_shard(int shard) const {
    return {control.get(), bulk.get(), shard_ranks.at(static_cast<std::size_t>(shard))};
  }

  SiteLayout layout;
  Place here;
  Place in_deck;                 // under data_parallel the site whose text this rank trains on
  Communicator site;             // the ranks of this site; empty on shards
  Communicator shards;           // the shards; empty on others
  Communicator control;          // the whole world, for the transport's control lane
  Communicator bulk;             // and its bulk lane
  std::vector<int> shard_ranks;  // of the shards in both; none: nobody, or -1 for one who is lost

 private:
  std::unique_ptr<Watchdog> watchdog_;
};

// MPI's version and whether it can contain a lost process (ULFM), for `atoll info`.
std::string describe_mpi();

}  // namespace atl::comm
