// How a lost site is manned again: the shards call a spare or start processes for it, which are told what
// they are to be.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "train/run_folder.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

// What a process that is called or started during the run must know.
struct Orders {
  int site = 0;
  std::uint64_t incarnation = 0;  // of the site
  std::uint64_t life = 0;         // of the run
  double elapsed_s = 0.0;         // since this life began
  std::vector<int> shards;        // in the order of the ranks that it meets; none: it meets its site
};

// For a site that lacks `count` ranks.
comm::Wanted wanted(RunPlan const& plan, RunFolder const& folder, int count);
std::string to_text(Orders const& orders);
// Throws RuntimeFailure.
Orders read_orders(std::string const& text);

// A shard's part in it: all shards that live call it in the same order. A thread waits for MPI, which takes
// as long as a program takes to start, and for ever where that dies on the way; the shard goes on.
class Crew {
 public:
  // `take_in` is called, by poll(), for each process that has come. `shards` outlives the crew.
  using TakeIn = std::function<void(comm::Route const& route, int site)>;
  Crew(comm::Communicator const& shards, TakeIn take_in);

  // Processes for this site that are awaited already are given up.
  void recruit(Orders orders, comm::Wanted wanted, double patience_s);
  bool is_busy() const { return under_way_.has_value(); }
  // Returns the site that nobody has come for, or not in time; they are given up.
  std::optional<int> poll();

 private:
  struct Request {
    Orders orders;
    comm::Wanted wanted;
    double patience_s = 0.0;
    double since_s = 0.0;
  };
  // Shared with the thread.
  struct Attempt {
    std::promise<comm::Bridge> bridge;
    std::atomic<bool> is_given_up = false;
  };
  void start_next();
  void give_up();

  comm::Communicator const& shards_;
  TakeIn take_in_;
  std::deque<Request> waiting_;
  std::optional<Request> under_way_;
  std::shared_ptr<Attempt> attempt_;
  std::future<comm::Bridge> bridge_;
  std::list<comm::Bridge> bridges_;  // in use to the end
};

}  // namespace atl::train
