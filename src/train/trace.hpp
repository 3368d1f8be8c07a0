// What each process was doing when: a piece per process while the run lasts, joined into trace.json (Chrome's
// trace event format; ui.perfetto.dev opens it).
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace atl::train {

// Each kind has a lane of its own in every process; rounds have one per fragment.
enum class Work : std::uint8_t {
  compute,     // forward and backward
  reduce,      // gradients, over the site
  record,      // the record of a step
  optimize,    // the inner step
  adopt,       // a release, of a fragment
  contribute,  // of a fragment
  evaluate,
  checkpoint,
  copy_out,  // of a contribution, from a device to its host
  copy_in,   // of a release
  idle,      // waiting, with nothing to do
  merge,     // members and outer step, of a fragment
  round,     // open, of a fragment
};

struct TraceEntry {
  Work work;
  std::int64_t begin_us, end_us;  // since the start of the run
  std::int64_t number;            // the fragment or the step; -1: none
};

struct TraceOptions {
  bool is_on = false;
  std::filesystem::path run_folder;
  std::string who;         // "site_1_rank_0"; names the piece and the lanes
  int rank = 0;            // in the world; orders the lanes
  double start_s = 0.0;    // of this part of the run, on this process's clock
  double resumed_s = 0.0;  // length of the run before this part; what was traced later is superseded
};

// One thread at a time. Holds about a second of spans; what fails is lost with a warning.
class Trace {
 public:
  // Throws RuntimeFailure where the piece cannot be opened.
  explicit Trace(TraceOptions const& options);
  ~Trace();
  Trace(Trace const&) = delete;
  Trace& operator=(Trace const&) = delete;

  bool is_on() const { return file_ != nullptr; }
  // Times as base::now_s() gives them. `number`: the fragment where it is a fragment's work, else the step.
  // Spans of one lane must not overlap.
  void add(Work work, double begin_s, double end_s, std::int64_t number = -1);
  void flush();

  // The time from here to the end of the scope. Costs nothing where the trace is off.
  class Span {
   public:
    Span(Trace& trace, Work work, std::int64_t number = -1)
        : trace_(trace), work_(work), number_(number), begin_s_(trace.is_on() ? base::now_s() : 0.0) {}
    ~Span() {
      if (trace_.is_on()) trace_.add(work_, begin_s_, base::now_s(), number_);
    }
    Span(Span const&) = delete;
    Span& operator=(Span const&) = delete;

   private:
    Trace& trace_;
    Work work_;
    std::int64_t number_;
    double begin_s_;
  };

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, &std::fclose};
  double zero_s_ = 0.0;  // of the trace's clock, on this process's
  double flushed_s_ = 0.0;
  std::vector<TraceEntry> entries_;
};

// Joins the pieces of a run into <run_folder>/trace.json and returns how many spans it holds. Whatever is not
// a whole line (a process was killed) is passed over. No pieces: 0, and no file. Throws RuntimeFailure.
std::uint64_t merge_trace(std::filesystem::path const& run_folder);

}  // namespace atl::train
