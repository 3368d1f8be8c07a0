// Everything a deck can say, as checked structs. Defaults stand here; names, ranges and meanings in keys.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::deck {

enum class Stop { clock, each };
enum class Method { data_parallel, diloco, streaming, decoupled };
enum class Repair { site, shrink, spare, spawn };
enum class Family { gpt2, llama };
enum class Precision { fp32, bf16 };
enum class InnerOptimizerKind { adamw, sgd, muon };
enum class Schedule { constant, linear, cosine, wsd };
enum class PartitionKind { balanced, strided, whole };
enum class GraceKind { adaptive, none, fixed };
enum class OuterOptimizerKind { nesterov, sgd };
enum class MergeKind { rda, average };
enum class Anchor { base, current };
enum class Receive { overwrite, blend, rebase };
enum class Late { drop, carry };
enum class Codec { fp32, bf16, int8, int4, e3m0 };

struct RunSection {
  std::string name = "run";
  std::uint64_t steps = 240;
  Stop stop = Stop::clock;
  std::uint64_t seed = 1;
  bool deterministic = true;
  Method method = Method::decoupled;
  std::string initial_model = "";  // empty: random parameters
  double walltime_s = 0.0;         // 0: none
  double walltime_margin_s = 120.0;
  double watchdog_s = 600.0;
  bool operator==(RunSection const&) const = default;
};

struct SitesSection {
  int count = 2;
  std::vector<int> ranks = {1};  // one number for all sites, or one per site
  Repair repair = Repair::site;
  int spares = 0;
  std::vector<double> step_floor_s = {0.0};  // as `ranks`
  std::vector<std::string> data = {"data/gcide"};
  bool operator==(SitesSection const&) const = default;
};

struct SyncerSection {
  int ranks = 1;
  int replicas = 0;
  bool operator==(SyncerSection const&) const = default;
};

struct ModelSection {
  Family family = Family::llama;
  int layers = 4;
  int width = 256;
  int heads = 4;
  int kv_heads = 4;
  int ffn_width = 768;
  int context = 256;
  int vocab = 0;  // 0: the tokenizer's
  bool tied_embeddings = true;
  double norm_eps = 1e-5;
  double rope_theta = 10000.0;
  bool recompute = false;
  Precision precision = Precision::fp32;
  bool operator==(ModelSection const&) const = default;
};

struct DataSection {
  std::string tokenizer = "data/gcide/tokenizer.model";  // or "bytes"
  double validation_fraction = 0.01;
  bool operator==(DataSection const&) const = default;
};

struct InnerSection {
  InnerOptimizerKind optimizer = InnerOptimizerKind::adamw;
  int batch = 8;
  int micro_batch = 0;
  double lr = 3e-3;
  std::uint64_t warmup_steps = 30;
  Schedule schedule = Schedule::cosine;
  double decay_fraction = 0.2;  // of the run, with wsd
  double min_lr_ratio = 0.1;
  std::array<double, 2> betas = {0.9, 0.95};
  double momentum = 0.0;        // of sgd
  double muon_momentum = 0.95;  // of muon
  double weight_decay = 0.1;
  double clip_norm = 1.0;  // 0: none
  bool shard_optimizer = false;
  bool operator==(InnerSection const&) const = default;
};

struct OuterSection {
  std::uint64_t interval_steps = 24;  // H
  int fragments = 6;                  // P
  PartitionKind partition = PartitionKind::balanced;
  int quorum = 1;                   // K
  std::uint64_t overlap_steps = 2;  // tau
  GraceKind grace = GraceKind::adaptive;
  double grace_s = 0.0;  // where grace is a number
  double grace_fraction = 0.8;
  double grace_floor_steps = 1.0;
  double grace_cap_s = 10.0;
  OuterOptimizerKind optimizer = OuterOptimizerKind::nesterov;
  double lr = 0.7;
  double momentum = 0.6;
  MergeKind merge = MergeKind::rda;
  Anchor anchor = Anchor::base;
  Receive receive = Receive::overwrite;
  double blend = 0.5;
  Late late = Late::drop;
  double late_discount = 0.5;
  std::uint64_t max_staleness = 4;
  double gate_z = 6.0;  // 0: no norm gate
  int in_flight = 2;
  Codec codec = Codec::fp32;
  Codec release_codec = Codec::fp32;
  double dead_after_s = 10.0;
  bool operator==(OuterSection const&) const = default;
};

struct LinkSection {
  double delay_ms = 0.0;
  double bandwidth_mbit_s = 0.0;
  std::uint64_t pause_every_steps = 0;
  bool operator==(LinkSection const&) const = default;
};

struct CheckpointSection {
  std::uint64_t every_steps = 100;
  double every_s = 0.0;
  int keep = 3;
  std::uint64_t keep_every_steps = 0;
  bool operator==(CheckpointSection const&) const = default;
};

struct EvalSection {
  std::uint64_t every_steps = 50;
  int batches = 16;
  bool operator==(EvalSection const&) const = default;
};

struct OutputSection {
  std::uint64_t report_every_steps = 10;
  bool tensorboard = false;
  bool trace = false;
  bool operator==(OutputSection const&) const = default;
};

struct RunConfig {
  RunSection run;
  SitesSection sites;
  SyncerSection syncer;
  ModelSection model;
  DataSection data;
  InnerSection inner;
  OuterSection outer;
  LinkSection link;
  CheckpointSection checkpoint;
  EvalSection eval;
  OutputSection output;
  bool operator==(RunConfig const&) const = default;
};

}  // namespace atl::deck
