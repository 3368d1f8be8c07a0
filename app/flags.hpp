// The command line as data: one struct per subcommand, filled by one table of flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace atl::app {

struct TrainFlags {
  std::string deck;
  std::vector<std::string> overrides;
  bool resume = false;
  bool check = false;
  bool profile = false;
  std::string progress = "auto";  // auto, always, never
};

struct ReplayFlags {
  std::string run;                    // its folder
  std::uint64_t life = 0;             // 0: all
  std::optional<std::uint64_t> from;  // the step of a snapshot
  bool json = false;
};

struct LaunchFlags {
  TrainFlags train;
  ReplayFlags replay;             // instead, where it names a run
  std::string launcher = "auto";  // auto, mpirun, srun
  bool dry_run = false;
  bool sbatch = false;
};

struct EvalFlags {
  std::string checkpoint;
  std::string data;  // token file or text file; empty: the run's validation tokens
  int batches = 0;   // 0: all there are
  bool json = false;
};

struct GenerateFlags {
  std::string checkpoint;
  std::string prompt;
  int tokens = 0;  // 0: 400, or as many as `lines` need
  int lines = 0;   // 0: no limit
  double temperature = 0.8;
  int top_k = 50;
  std::uint64_t seed = 1;
};

struct ExportFlags {
  std::string checkpoint;
  std::string out;
  std::uint64_t shard_mb = 4096;
  bool json = false;
};

struct ImportFlags {
  std::string model;  // a Hugging Face model's folder
  std::string out;
  std::string tokenizer;  // empty: the model's own
  bool json = false;
};

struct PrepareFlags {
  std::vector<std::string> sources;
  std::string out;
  std::string tokenizer;
  int vocab = 2048;
  bool bytes = false;
  double validation_fraction = 0.01;
  std::uint64_t seed = 1;
  bool force = false;
  bool json = false;
};

// Of a run or a checkpoint.
struct InspectStateFlags {
  std::string path;
  bool ledger = false;
  bool faults = false;
  bool json = false;
};

// Of tokens.
struct InspectFlags {
  std::string path;
  std::string tokenizer;
  bool json = false;
};

struct SimulateFlags {
  std::string deck;
  std::vector<std::string> overrides;
  std::string seeds = "1..100";  // first and last
  bool fit = false;
  bool trace = false;
  bool json = false;
  std::string progress = "auto";  // auto, always, never
};

struct SchemaFlags {
  bool simulate = false;  // the keys of simulations, not of runs
  bool json = false;
  bool markdown = false;
};

struct InfoFlags {
  bool json = false;
};

using Flags =
    std::variant<TrainFlags, ReplayFlags, LaunchFlags, InspectStateFlags, EvalFlags, GenerateFlags,
                 ExportFlags, ImportFlags, PrepareFlags, InspectFlags, SimulateFlags, SchemaFlags, InfoFlags>;

// What to do, or what to exit with at once: 0 after --help and --version (already printed), 2 after a wrong
// flag (already explained; `prints` is false on ranks that must stay silent).
struct Parsed {
  std::optional<Flags> flags;
  int exit_code = 0;
};
Parsed parse(int argc, char** argv, bool prints);

}  // namespace atl::app
