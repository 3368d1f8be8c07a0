#include "deck/keys.hpp"

#include <functional>

namespace atl::deck {

namespace {

// ---- `grace` is one key and two members: a name, or a number of seconds ------------------------

template <class Section>
struct Grace {
  Section& section;
};
constexpr auto grace_of = [](auto& section) { return Grace{section}; };

std::string type_of(Grace<OuterSection const>) { return "choice or float"; }
std::string values_of(Grace<OuterSection const>, Range const& range) {
  return "adaptive | none | seconds " + range.text();
}

Verdict read(Value const& value, Range const& range, Grace<OuterSection> grace) {
  GraceKind kind = GraceKind::fixed;
  double seconds = 0.0;
  auto fault = read(value, range, seconds);
  if (fault && !value.is_list && std::holds_alternative<std::string>(value.items.front())) {
    fault = read(value, range, kind);
    if (!fault && kind == GraceKind::fixed) fault = Fault{"is none of its values", ""};
  }
  if (fault) return fault;
  grace.section.grace = kind;
  grace.section.grace_s = seconds;
  return {};
}

std::string write(Grace<OuterSection const> grace) {
  OuterSection const& outer = grace.section;
  return outer.grace == GraceKind::fixed ? deck::write(outer.grace_s) : deck::write(outer.grace);
}

// ---- the table ---------------------------------------------------------------------------------

using Table = KeyTable<RunConfig>;

// Upper ends keep a product of two sizes within an int and times within a clock; no real run comes near them.
constexpr Range size = between(1, 32768);
constexpr Range size_or_0 = between(0, 32768);
constexpr Range duration = between(1, 1e9);
constexpr Range duration_or_0 = between(0, 1e9);
constexpr Range seconds_or_0 = between(0, 1e9);

// One row a key, which clang-format would not keep.
// clang-format off
void declare_run(Table& table) {
  using S = RunSection;
  table.declare("run", &RunConfig::run,
    Field{"name", &S::name, any, "", "the run directory is runs/<name>", elastic},
    Field{"steps", &S::steps, duration, "steps",
          "length of the run on the clock (data_parallel: optimizer steps); see run.stop", agreed | elastic},
    Field{"stop", &S::stop, any, "",
          "clock: decoupled sites never wait, and train on until the word of the end reaches them; "
          "each: every site stops after exactly run.steps of its own, as under the other methods always", agreed},
    Field{"seed", &S::seed, at_least(0), "", "decides initial parameters and the order of samples", agreed},
    Field{"deterministic", &S::deterministic, any, "",
          "sum in rank order and write the tape, so that a run can be repeated exactly", agreed},
    Field{"method", &S::method, any, "",
          "how sites learn from one another; data_parallel is the baseline", agreed},
    Field{"initial_model", &S::initial_model, any_or_empty, "",
          "checkpoint or imported model to start from; empty: random parameters"},
    Field{"walltime_s", &S::walltime_s, seconds_or_0, "s",
          "checkpoint and stop with code 75 after this; 0: no limit", elastic},
    Field{"walltime_margin_s", &S::walltime_margin_s, seconds_or_0, "s",
          "the same so long before a job ends whose end is known (SLURM_JOB_END_TIME)", elastic},
    Field{"watchdog_s", &S::watchdog_s, seconds_or_0, "s",
          "a wait of so long is told of; if no site takes a step for twice as long, the run ends with exit code 4; 0: never", elastic});
}

void declare_sites(Table& table) {
  using S = SitesSection;
  table.declare("sites", &RunConfig::sites,
    Field{"count", &S::count, size, "sites", "groups of ranks that train a replica each", agreed | elastic},
    Field{"ranks", &S::ranks, size, "ranks",
          "of every site, or a list with one number per site", agreed | elastic},
    Field{"repair", &S::repair, any, "", "when a rank is lost: its site returns, with new processes (site, spawn: the same) or waiting ones (spare: see "
          "spares) in place of the lost; shrink: with those that are left",
          elastic},
    Field{"spares", &S::spares, size_or_0, "ranks", "kept idle for repair", elastic},
    Field{"step_floor_s", &S::step_floor_s, seconds_or_0, "s",
          "no step is shorter: paces trials on shared cores; one number, or one per site", elastic},
    Field{"data", &S::data, any, "",
          "token files: one entry, split over sites, or one per site; \"A * 0.7 + B * 0.3\" mixes"});
}

void declare_syncer(Table& table) {
  using S = SyncerSection;
  table.declare("syncer", &RunConfig::syncer,
    Field{"ranks", &S::ranks, size, "ranks",
          "shards: fragment p lives on shard p mod syncer.ranks", agreed | elastic},
    Field{"replicas", &S::replicas, between(0, 1), "",
          "1: every fragment has a backup on another shard", agreed | elastic});
}

void declare_model(Table& table) {
  using S = ModelSection;
  table.declare("model", &RunConfig::model,
    Field{"family", &S::family, any, "",
          "llama: RMSNorm, RoPE, SwiGLU; gpt2: LayerNorm, learned positions, GELU", agreed},
    Field{"layers", &S::layers, size, "", "transformer blocks", agreed},
    Field{"width", &S::width, size, "", "of the residual stream; a multiple of model.heads", agreed},
    Field{"heads", &S::heads, size, "", "attention heads; a multiple of model.kv_heads", agreed},
    Field{"kv_heads", &S::kv_heads, size, "", "heads of keys and values", agreed},
    Field{"ffn_width", &S::ffn_width, between(1, 1 << 20), "",
          "hidden width of the feed-forward layers", agreed},
    Field{"context", &S::context, between(1, 1 << 20), "tokens", "length of a sequence", agreed},
    Field{"vocab", &S::vocab, between(0, 1 << 24), "tokens",
          "size of the vocabulary; 0: the tokenizer's", agreed},
    Field{"tied_embeddings", &S::tied_embeddings, any, "", "the output layer is the embedding", agreed},
    Field{"norm_eps", &S::norm_eps, between(1e-12, 1e-2), "", "added to a variance before its root", agreed},
    Field{"rope_theta", &S::rope_theta, between(1, 1e9), "", "base of the rotary positions (llama)", agreed},
    Field{"recompute", &S::recompute, any, "",
          "compute a layer's activations again in the backward pass: less memory, more time", elastic},
    Field{"precision", &S::precision, any, "", "of matrix products and of what they read; parameters and sums are fp32. Where bf16 is not faster: fp32", agreed});
}

void declare_data(Table& table) {
  using S = DataSection;
  table.declare("data", &RunConfig::data,
    Field{"tokenizer", &S::tokenizer, any, "", "a SentencePiece model file, \"bytes\", or \"none\" for token files of another program"},
    Field{"validation_fraction", &S::validation_fraction, Range{0, 0.5, true, false}, "",
          "part of the text kept for evaluation; of prepared data, what it was split with"});
}

void declare_inner(Table& table) {
  using S = InnerSection;
  table.declare("inner", &RunConfig::inner,
    Field{"optimizer", &S::optimizer, any, "", "of a site's own steps"},
    Field{"batch", &S::batch, size, "sequences",
          "per site and step, dealt to its ranks (data_parallel: times sites.count)", agreed},
    Field{"micro_batch", &S::micro_batch, size_or_0, "sequences",
          "per rank and pass; 0: all at once", elastic},
    Field{"lr", &S::lr, above(0), "", "highest learning rate"},
    Field{"warmup_steps", &S::warmup_steps, duration_or_0, "steps", "the learning rate rises this long"},
    Field{"schedule", &S::schedule, any, "", "of the learning rate after the warm-up"},
    Field{"decay_fraction", &S::decay_fraction, between(0, 1), "",
          "part of the run in which the rate falls at its end, with schedule = \"wsd\""},
    Field{"min_lr_ratio", &S::min_lr_ratio, between(0, 1), "", "last learning rate over highest"},
    Field{"betas", &S::betas, below_one, "", "AdamW's decay of the first and second moments"},
    Field{"momentum", &S::momentum, below_one, "", "of optimizer = \"sgd\"; 0: plain"},
    Field{"muon_momentum", &S::muon_momentum, below_one, "", "of the matrices, with optimizer = \"muon\""},
    Field{"weight_decay", &S::weight_decay, at_least(0), "", "decoupled; spares norm weights and biases"},
    Field{"clip_norm", &S::clip_norm, at_least(0), "",
          "longer gradients are shortened to this norm; 0: none"},
    Field{"shard_optimizer", &S::shard_optimizer, any, "",
          "each rank of a site keeps a part of the moments (ZeRO-1)", elastic});
}

void declare_outer(Table& table) {
  using S = OuterSection;
  table.declare("outer", &RunConfig::outer,
    Field{"interval_steps", &S::interval_steps, duration, "steps",
          "H: between two rounds of one fragment", agreed},
    Field{"fragments", &S::fragments, size, "", "P: parts of the model that are exchanged by turns", agreed},
    Field{"partition", &S::partition, any, "",
          "balanced: by size; strided: by layers; whole: one fragment", agreed},
    Field{"quorum", &S::quorum, size, "sites", "K: contributions that a commit needs", agreed | elastic},
    Field{"overlap_steps", &S::overlap_steps, duration_or_0, "steps",
          "tau: what an exchange may take without cost", agreed},
    Field{"grace", grace_of, seconds_or_0, "s",
          "how long a round stays open after its quorum", agreed | elastic},
    Field{"grace_fraction", &S::grace_fraction, between(0, 1), "",
          "gamma: part of the spare time that adaptive grace uses", agreed | elastic},
    Field{"grace_floor_steps", &S::grace_floor_steps, at_least(0), "steps",
          "least adaptive grace, in steps of the slowest site", agreed | elastic},
    Field{"grace_cap_s", &S::grace_cap_s, seconds_or_0, "s", "most adaptive grace", agreed | elastic},
    Field{"optimizer", &S::optimizer, any, "", "of the global parameters", agreed},
    Field{"lr", &S::lr, above(0), "", "outer learning rate", agreed},
    Field{"momentum", &S::momentum, below_one, "", "outer momentum", agreed},
    Field{"merge", &S::merge, any, "",
          "rda: mean length in the mean direction; average (embeddings always)", agreed},
    Field{"anchor", &S::anchor, any, "",
          "what a contribution is measured from: the base adopted last, or the current version", agreed},
    Field{"receive", &S::receive, any, "",
          "what a site does with its own progress when a release arrives", agreed},
    Field{"blend", &S::blend, between(0, 1), "",
          "alpha: share of the site's own parameters, with receive = \"blend\"", agreed},
    Field{"late", &S::late, any, "",
          "a contribution after the close: dropped, or carried to the next round", agreed},
    Field{"late_discount", &S::late_discount, between(0, 1), "",
          "lambda: weight of a carried contribution, per round", agreed},
    Field{"max_staleness", &S::max_staleness, duration_or_0, "commits",
          "contributions from older bases are rejected", agreed},
    Field{"gate_z", &S::gate_z, at_least(0), "",
          "contributions this many deviations from the usual norm are rejected; 0: none (diloco, streaming: none)", agreed},
    Field{"in_flight", &S::in_flight, size, "", "contributions that a site stages at once", elastic},
    Field{"codec", &S::codec, any, "", "of contributions on the wire; below 16 bits in blocks of 256 with one scale", agreed},
    Field{"release_codec", &S::release_codec, any, "", "of releases on the wire; below 16 bits, of their difference to the version before", agreed},
    Field{"dead_after_s", &S::dead_after_s, between(1e-3, 1e9), "s",
          "a site silent this long counts as lost", agreed | elastic});
}

void declare_output(Table& table) {
  using L = LinkSection;
  table.declare("link", &RunConfig::link,
    Field{"delay_ms", &L::delay_ms, between(0, 1e6), "ms",
          "modelled, of every message between a site and the syncer; 0: none", elastic},
    Field{"bandwidth_mbit_s", &L::bandwidth_mbit_s, at_least(0), "Mbit/s",
          "modelled, of a site's link to all shards, each way; control messages pass bulk; 0: no limit", elastic},
    Field{"pause_every_steps", &L::pause_every_steps, duration_or_0, "steps",
          "for measurements: sites are cut off in every second block of so many steps; 0: never", elastic});
  using C = CheckpointSection;
  table.declare("checkpoint", &RunConfig::checkpoint,
    Field{"every_steps", &C::every_steps, duration_or_0, "steps",
          "between checkpoints; 0: only at the end", elastic},
    Field{"every_s", &C::every_s, seconds_or_0, "s", "between checkpoints, by time; 0: off", elastic},
    Field{"keep", &C::keep, size, "", "newest checkpoints that are kept", elastic},
    Field{"keep_every_steps", &C::keep_every_steps, duration_or_0, "steps",
          "of older ones the first from each multiple on is kept for good; 0: none", elastic});
  using E = EvalSection;
  table.declare("eval", &RunConfig::eval,
    Field{"every_steps", &E::every_steps, duration_or_0, "steps",
          "between evaluations; 0: only at the end", elastic},
    Field{"batches", &E::batches, size, "", "validation batches of one evaluation", elastic});
  using O = OutputSection;
  table.declare("output", &RunConfig::output,
    Field{"report_every_steps", &O::report_every_steps, duration, "steps", "between console lines", elastic},
    Field{"tensorboard", &O::tensorboard, any, "", "write TensorBoard events", elastic},
    Field{"trace", &O::trace, any, "", "write trace.json, for Perfetto", elastic});
}

KeyTable<ChaosEntry> chaos_keys() {
  using S = ChaosEntry;
  KeyTable<ChaosEntry> table;
  table.declare("chaos", std::identity{},
    Field{"at_step", &S::at_step, duration, "steps", "of the site, or on the shard's clock; needed", elastic},
    Field{"do", &S::kind, any, "", "kill and stall are signals from another process; partition: the link is cut both ways and "
          "what is sent comes later; corrupt: the site's next contribution, as it leaves", elastic},
    Field{"site", &S::site, between(-1, 32767), "", "that is hit; -1: none", elastic},
    Field{"shard", &S::shard, between(-1, 32767), "", "that is hit in place of a site; -1: none", elastic},
    Field{"rank", &S::rank, between(-1, 32767), "", "of the site, to kill, stall or slow; -1: all of them", elastic},
    Field{"for_s", &S::for_s, seconds_or_0, "s", "how long it is stalled, slow or cut off", elastic},
    Field{"factor", &S::factor, between(1, 1e6), "", "of slow: how many times as long a step takes", elastic},
    Field{"how", &S::how, any, "", "of corrupt; bit: flipped on the wire; norm: a thousand times as large; stale: from a base "
          "that is too old; foreign: of another deck; replay: sent twice; term: to an earlier owner", elastic});
  return table;
}

void declare_chaos(Table& table) {
  using S = StormSection;
  table.declare("storm", &RunConfig::storm,
    Field{"faults_per_hour", &S::faults_per_hour, between(0, 1e7), "1/h",
          "at random, beside those of [[chaos]]; 0: none", elastic},
    Field{"seed", &S::seed, at_least(0), "", "decides when, what and where", elastic},
    Field{"do", &S::kinds, any, "", "what is drawn from", elastic},
    Field{"for_s", &S::for_s, seconds_or_0, "s", "shortest and longest stall, slowness or partition", elastic});
  table.declare_list(&RunConfig::chaos, chaos_keys());
}
// clang-format on

Table declare_all() {
  Table table;
  for (auto declare_some : {declare_run, declare_sites, declare_syncer, declare_model, declare_data,
                            declare_inner, declare_outer, declare_output, declare_chaos})
    declare_some(table);
  return table;
}

}  // namespace

KeyTable<RunConfig> const& keys() {
  static Table const table = declare_all();
  return table;
}

}  // namespace atl::deck
