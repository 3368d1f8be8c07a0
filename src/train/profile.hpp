// Where the time of a rank's training steps goes, by groups of kernels; the rate of what multiplies; memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "train/memory_estimate.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

// Listens to the labels of Kokkos' kernels and regions on the thread that makes it, beside a tool that Kokkos
// has loaded. What lies in a region "training_step" counts: for the outermost label in it, whose group is the
// row of the table. One at a time in a process.
class Profile {
 public:
  // Measures what products of the model's precision reach at most here, which takes about a second.
  explicit Profile(RunPlan const& plan);
  ~Profile();
  Profile(Profile const&) = delete;
  Profile& operator=(Profile const&) = delete;

  struct Row {
    std::string group;
    double seconds = 0.0;
    std::uint64_t calls = 0;
    double operations = 0.0;  // of matrix products
    double bytes = 0.0;       // of the kernels' operands (kernels/operations.hpp)
  };
  // Bytes that went beside the steps: from the other ranks of the site, of these what nobody had to wait for,
  // and from and to other sites.
  struct Traffic {
    static Traffic now();  // of this process so far
    void add(Traffic const& after, Traffic const& before);
    double site = 0.0, site_beside = 0.0, out = 0.0, in = 0.0;
  };
  // What the model needs, against what products reach here (utilisation.hpp).
  struct Model {
    std::size_t multiplying = 0;  // parameters
    double operations_per_token = 0.0;
    std::uint64_t tokens = 0;          // of those steps, of this rank
    std::string device;                // as its maker calls it; "": the host
    double stated_operations_s = 0.0;  // of the device in bf16, by its maker; 0: not known
  };
  // The most that was taken, and what --check says.
  struct Memory {
    std::size_t resident_bytes = 0;  // of this process in the host's memory
    std::size_t buffer_bytes = 0;    // of what Kokkos allocated where kernels compute
    MemoryEstimate expected;
  };
  struct Summary {
    std::uint64_t steps = 0;       // without the first ones, which touch memory for the first time
    double seconds = 0.0;          // of those steps
    double peak_operations_s = 0;  // of matrix products, measured
    std::vector<Row> rows;         // the longest first
    Traffic traffic;               // of those steps
    Model model;
    Memory memory;
  };
  Summary summary() const;

 private:
  class Listener;
  double peak_operations_s_;  // first: what measures it is no part of the memory
  std::unique_ptr<Listener> listener_;
  Model model_;
  MemoryEstimate expected_;
};

std::string to_table(Profile::Summary const& summary);
std::string to_json(Profile::Summary const& summary);

// That this process has sent as contributions and received as releases so far.
inline std::uint64_t contributed_bytes = 0, released_bytes = 0;

constexpr char const* training_step_label = "training_step";

}  // namespace atl::train
