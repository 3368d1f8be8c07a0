// Where the time of a rank's training steps goes: by groups of kernels, and the rate of what multiplies.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "deck/config.hpp"

namespace atl::train {

// Listens to the labels of Kokkos' kernels and regions on the thread that makes it, beside a tool that Kokkos
// has loaded. What lies in a region "training_step" counts: for the outermost label in it, whose group is the
// row of the table. One at a time in a process.
class Profile {
 public:
  // Measures what products of this precision reach at most here, which takes about a second.
  explicit Profile(deck::Precision precision);
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
  struct Summary {
    std::uint64_t steps = 0;       // without the first ones, which touch memory for the first time
    double seconds = 0.0;          // of those steps
    double peak_operations_s = 0;  // of matrix products
    std::vector<Row> rows;         // the longest first
    Traffic traffic;               // of those steps
  };
  Summary summary() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
  double peak_operations_s_;
};

std::string to_table(Profile::Summary const& summary);
std::string to_json(Profile::Summary const& summary);

// That this process has sent as contributions and received as releases so far.
inline std::uint64_t contributed_bytes = 0, released_bytes = 0;

constexpr char const* training_step_label = "training_step";

}  // namespace atl::train
