// metrics.jsonl: one JSON object per line, always with `event`, `time_s` and `step`.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "protocol/quiet_point.hpp"

namespace atl::train {

// Seconds are since the start of the run (this part of it, after a resume), on the writer's clock.
struct StepLine {
  double time_s = 0.0;
  int site = 0;
  std::uint64_t step = 0;  // the site's own
  double loss = 0.0;       // nats per token, mean over the site's batch
  double lr = 0.0;
  double grad_norm = 0.0;    // before clipping
  std::uint64_t tokens = 0;  // of this site, in all
  double step_s = 0.0;
  double tokens_per_s = 0.0;
  double wait_s = 0.0;        // of step_s, for the other ranks of the site, as its leader sees it
  double checkpoint_s = 0.0;  // before this step, and no part of it
  double eval_s = 0.0;        // likewise
};

struct EvalLine {
  double time_s = 0.0;
  int site = 0;
  std::uint64_t step = 0;
  double val_loss = 0.0;           // nats per token
  double val_bits_per_byte = 0.0;  // 0: unknown, left out
  std::uint64_t tokens = 0;        // evaluated
  bool is_final = false;
  base::Digest model;  // of the parameters evaluated
};

struct CommitLine {
  double time_s = 0.0;
  std::uint64_t step = 0;  // the shard's clock
  int fragment = 0;
  std::uint64_t version = 0;
  std::vector<int> members{};
  std::vector<double> weights{};  // normalized
  std::vector<std::uint64_t> staleness{};
  std::vector<std::uint64_t> rounds_late{};  // 0: fresh; else carried from so many rounds before
  std::vector<int> absent{};
  double wait_s = 0.0;           // open to close
  std::uint64_t tokens = 0;      // of the members' work in it
  std::uint64_t wire_bytes = 0;  // received for it
};

struct StartLine {
  std::string version;  // of the program
  int sites = 0;
  int shards = 0;
  int ranks = 0;
  std::uint64_t parameters = 0;
  double unix_s = 0.0;
};

// The last word of a site.
struct SiteEndLine {
  double time_s = 0.0;
  int site = 0;
  std::uint64_t step = 0;
  std::uint64_t tokens = 0;  // in all
  double waited_s = 0.0;     // stood still for the sake of other sites, in this part of the run
  std::map<std::string, std::uint64_t> sent_bytes;  // everything that left it, by kind of message
  base::Digest model = {};                          // its outer parameters: the same at all sites
};

// The last word of a shard.
struct ShardEndLine {
  double time_s = 0.0;
  std::uint64_t step = 0;  // its clock
  int shard = 0;
  std::map<std::string, std::uint64_t> refused;  // contributions and frames, by reason
};

// A site trains again, in another life.
struct ReturnLine {
  double time_s = 0.0;
  int site = 0;
  std::uint64_t step = 0;
  std::uint64_t incarnation = 0;
};

// A fragment as its shard found it in a checkpoint.
struct RestoredLine {
  std::uint64_t step = 0;
  int fragment = 0;
  std::uint64_t version = 0;
  base::Digest theta;  // in fp32
};

struct CheckpointLine {
  double time_s = 0.0;
  std::uint64_t step = 0;
  std::string path;
  std::uint64_t bytes = 0;
  double seconds = 0.0;
};

struct EndLine {
  double time_s = 0.0;
  std::uint64_t step = 0;
  std::string outcome;
  std::uint64_t commits = 0;
  std::uint64_t bytes_sent = 0, bytes_received = 0;  // by shard 0
};

std::string to_json(StartLine const& line);
std::string to_json(StepLine const& line);
std::string to_json(EvalLine const& line);
std::string to_json(CommitLine const& line);
std::string to_json(SiteEndLine const& line);
std::string to_json(ShardEndLine const& line);
std::string to_json(RestoredLine const& line);
std::string to_json(ReturnLine const& line);
std::string to_json(CheckpointLine const& line);
std::string to_json(EndLine const& line);
// What stands between the line of this checkpoint and here has been superseded; without a checkpoint, all.
std::string resume_json(std::uint64_t step, std::string const& checkpoint, double unix_s);
// `who` was hit, where it is one of the run's.
std::string fault_json(double time_s, std::uint64_t step, std::string const& what,
                       std::optional<protocol::Participant> who = {});

// Appends whole lines; each is on its way to the disk when `write` returns.
class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path const& file);
  ~MetricsFile();
  MetricsFile(MetricsFile const&) = delete;
  MetricsFile& operator=(MetricsFile const&) = delete;

  void write(std::string const& line);

 private:
  void end_torn_line();

  std::FILE* file_;
};

}  // namespace atl::train
