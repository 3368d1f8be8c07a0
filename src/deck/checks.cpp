#include "deck/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "deck/deck.hpp"
#include "deck/names.hpp"

namespace atl::deck {

namespace {

bool is_folder_name(std::string_view name) {
  constexpr std::size_t longest = 128;
  auto const plain = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; };
  return std::ranges::all_of(name, plain) && name.size() <= longest && name != "." && name != "..";
}

void check_run(RunConfig const& c, Report& report) {
  report.require(is_folder_name(c.run.name), {"run.name"},
                 fmt::format("run.name = \"{}\" does not name a plain folder", c.run.name),
                 "use up to 128 letters, digits, \".\", \"_\" and \"-\"");
  report.require(c.run.watchdog_s == 0 || c.run.watchdog_s >= 1, {"run.watchdog_s"},
                 fmt::format("run.watchdog_s = {} s would tell of every step", c.run.watchdog_s),
                 "use at least 1 s, or 0 for none");
  report.require(
      c.inner.warmup_steps <= c.run.steps, {"inner.warmup_steps", "run.steps"},
      fmt::format("inner.warmup_steps = {} is longer than run.steps = {}", c.inner.warmup_steps, c.run.steps),
      fmt::format("set inner.warmup_steps to at most {}", c.run.steps));
  auto const steps = static_cast<double>(c.run.steps);
  auto const warmup = static_cast<double>(c.inner.warmup_steps);
  report.require(
      c.inner.schedule != Schedule::wsd || warmup > steps ||
          warmup + std::floor(c.inner.decay_fraction * steps) <= steps,
      {"inner.decay_fraction", "inner.warmup_steps", "run.steps", "inner.schedule"},
      fmt::format("inner.warmup_steps = {} and inner.decay_fraction = {} of run.steps = {} overlap",
                  c.inner.warmup_steps, c.inner.decay_fraction, c.run.steps),
      fmt::format("set inner.decay_fraction to at most {:.3f}",
                  std::floor((1.0 - warmup / steps) * 1000.0) / 1000.0));
}

void check_sites(RunConfig const& c, Report& report) {
  auto const sites = static_cast<std::size_t>(c.sites.count);
  auto const require_one_or_all = [&](std::string_view key, std::size_t numbers) {
    report.require(numbers == 1 || numbers == sites, {key, "sites.count"},
                   fmt::format("{} lists {} sites, sites.count = {}", key, numbers, sites),
                   "give one number for all sites, or one per site");
  };
  require_one_or_all("sites.ranks", c.sites.ranks.size());
  require_one_or_all("sites.step_floor_s", c.sites.step_floor_s.size());
  report.require(c.sites.data.size() == 1 || c.sites.data.size() == sites, {"sites.data", "sites.count"},
                 fmt::format("sites.data lists {} entries, sites.count = {}", c.sites.data.size(), sites),
                 "give one entry for all sites, or one per site");
  report.require(
      (c.sites.repair == Repair::spare) == (c.sites.spares > 0), {"sites.repair", "sites.spares"},
      fmt::format("sites.repair = \"{}\" with sites.spares = {}", name(c.sites.repair), c.sites.spares),
      "spares wait for repair = \"spare\", which needs at least one");
  report.require(c.sites.spares == 0 || c.run.method == Method::decoupled, {"sites.spares", "run.method"},
                 fmt::format("run.method = {} ends where a process is lost: spares would wait in vain",
                             name(c.run.method)),
                 "set sites.spares = 0 and another sites.repair");
}

void check_syncer(RunConfig const& c, Report& report) {
  report.require(c.syncer.replicas == 0 || c.syncer.ranks > 1, {"syncer.replicas", "syncer.ranks"},
                 "syncer.replicas = 1 needs another shard to be the backup", "set syncer.ranks to 2 or more");
  report.require(c.syncer.replicas == 0 || c.run.method == Method::decoupled,
                 {"syncer.replicas", "run.method"},
                 fmt::format("run.method = {} cannot go on without a shard", name(c.run.method)),
                 "set syncer.replicas = 0");
}

// A site's batch is dealt out whole to its ranks; under data_parallel too a rank takes its own site's text.
void check_batch(RunConfig const& c, Report& report) {
  int share = c.inner.batch;  // of a rank, at least
  for (int const ranks : c.sites.ranks) {
    report.require(c.inner.batch % ranks == 0, {"inner.batch", "sites.ranks"},
                   fmt::format("inner.batch = {} cannot be dealt to {} ranks", c.inner.batch, ranks),
                   fmt::format("make inner.batch a multiple of {}", ranks));
    share = std::min(share, c.inner.batch / ranks);
  }
  report.require(share == 0 || c.inner.micro_batch <= share,
                 {"inner.micro_batch", "inner.batch", "sites.ranks"},
                 fmt::format("inner.micro_batch = {} is more than a rank's {} sequences a step",
                             c.inner.micro_batch, share),
                 "make it smaller, or 0: all at once");
}

void check_model(RunConfig const& c, Report& report) {
  auto const& m = c.model;
  bool const divides = m.width % m.heads == 0;
  int const unit = m.family == Family::llama ? 2 * m.heads : m.heads;
  auto const wider = fmt::format("use for example model.width = {}", (m.width / unit + 1) * unit);
  report.require(divides, {"model.width", "model.heads"},
                 fmt::format("model.width = {} is not a multiple of model.heads = {}", m.width, m.heads),
                 wider);
  report.require(!divides || m.family != Family::llama || m.width / m.heads % 2 == 0,
                 {"model.width", "model.heads"},
                 fmt::format("heads of width {} / {} = {} are odd, and rotary positions turn pairs", m.width,
                             m.heads, m.width / m.heads),
                 wider);
  report.require(
      m.heads % m.kv_heads == 0, {"model.kv_heads", "model.heads"},
      fmt::format("model.heads = {} is not a multiple of model.kv_heads = {}", m.heads, m.kv_heads),
      fmt::format("use for example model.kv_heads = {}", m.heads));
  report.require(
      m.family != Family::gpt2 || m.kv_heads == m.heads || m.heads % m.kv_heads != 0,
      {"model.kv_heads", "model.heads", "model.family"},
      fmt::format("model.kv_heads = {} for model.heads = {}: gpt2 has as many of both", m.kv_heads, m.heads),
      fmt::format("set model.kv_heads = {}", m.heads));
}

// The outer rule as the method applies it; `data_parallel` has none.
void check_outer(RunConfig const& c, Report& report) {
  if (c.run.method == Method::data_parallel) return;
  auto const o = outer_rule(c);
  report.require(
      o.quorum <= c.sites.count, {"outer.quorum", "sites.count"},
      fmt::format("outer.quorum = {} can never be reached with sites.count = {}", o.quorum, c.sites.count),
      fmt::format("set outer.quorum to at most {}", c.sites.count));
  report.require(
      static_cast<std::uint64_t>(o.fragments) <= o.interval_steps,
      {"outer.fragments", "outer.interval_steps"},
      fmt::format("outer.fragments = {} do not fit into outer.interval_steps = {}, one round a step",
                  o.fragments, o.interval_steps),
      fmt::format("set outer.fragments to at most {}", o.interval_steps));
  report.require(o.overlap_steps < o.interval_steps, {"outer.overlap_steps", "outer.interval_steps"},
                 fmt::format("outer.overlap_steps = {} is not shorter than outer.interval_steps = {}",
                             o.overlap_steps, o.interval_steps),
                 fmt::format("set outer.overlap_steps to at most {}", o.interval_steps - 1));
  report.require(
      o.partition != PartitionKind::strided || o.fragments <= c.model.layers,
      {"outer.fragments", "outer.partition", "model.layers"},
      fmt::format("outer.fragments = {} of model.layers = {}: strided fragments are of whole layers",
                  o.fragments, c.model.layers),
      fmt::format("set outer.fragments to at most {}, or use partition = \"balanced\"", c.model.layers));
  auto const floor_s = std::ranges::max(c.sites.step_floor_s);
  report.require(
      c.outer.dead_after_s > floor_s, {"outer.dead_after_s", "sites.step_floor_s"},
      fmt::format("outer.dead_after_s = {} s is no longer than a step of sites.step_floor_s = {} s",
                  c.outer.dead_after_s, floor_s),
      "make it several steps long");
  report.require(c.syncer.ranks <= o.fragments,
                 {"syncer.ranks", "outer.fragments", "outer.partition", "run.method"},
                 fmt::format("syncer.ranks = {} shards for {} fragment{}: some would own nothing",
                             c.syncer.ranks, o.fragments, o.fragments == 1 ? "" : "s"),
                 fmt::format("set syncer.ranks to at most {}", o.fragments));
  report.require(o.late != Late::carry || o.receive != Receive::rebase, {"outer.late", "outer.receive"},
                 "outer.late = \"carry\" and outer.receive = \"rebase\" would count the same steps twice",
                 "with rebase nothing is lost: use late = \"drop\"");
}

// What corruption and a cut of the link need.
void check_exchange(RunConfig const& c, ChaosKind kind, std::string_view key, Report& report) {
  bool const is_cut = kind == ChaosKind::partition, is_corrupt = kind == ChaosKind::corrupt;
  report.require(
      (!is_cut || c.run.method != Method::data_parallel) &&
          (!is_corrupt || c.run.method == Method::decoupled),
      {key, "run.method"},
      fmt::format("do = \"{}\" has no meaning with run.method = {}", name(kind), name(c.run.method)),
      "use run.method = \"decoupled\"");
}

bool lasts(ChaosKind kind) {
  return kind == ChaosKind::stall || kind == ChaosKind::slow || kind == ChaosKind::partition;
}

void check_fault(RunConfig const& c, std::size_t number, Report& report) {
  auto const& fault = c.chaos[number];
  auto const self = fmt::format("chaos[{}]", number);
  auto const path = [&](char const* key) { return fmt::format("{}.{}", self, key); };
  auto const at_step = path("at_step"), kind = path("do"), site = path("site"), shard = path("shard");
  auto const rank = path("rank"), for_s = path("for_s"), how = path("how");
  report.require(fault.at_step > 0, {at_step, self}, at_step + " is missing", "say at which step");
  report.require(fault.at_step <= c.run.steps, {at_step, "run.steps"},
                 fmt::format("{} = {} never comes with run.steps = {}", at_step, fault.at_step, c.run.steps),
                 fmt::format("set it to at most {}", c.run.steps));
  report.require(
      (fault.site >= 0) != (fault.shard >= 0), {site, shard, self},
      fmt::format("chaos[{}] is aimed at {}", number, fault.site >= 0 ? "a site and a shard" : "nobody"),
      "give it a site or a shard, counted from 0");
  auto const require_below = [&](std::string const& key, int value, char const* limit_key, int limit) {
    report.require(value < limit, {key, limit_key},
                   fmt::format("{} = {}, {} = {}", key, value, limit_key, limit),
                   fmt::format("it is at most {}", limit - 1));
  };
  require_below(site, fault.site, "sites.count", c.sites.count);
  require_below(shard, fault.shard, "syncer.ranks", c.syncer.ranks);
  if (fault.site >= 0 && fault.site < c.sites.count) {
    bool const is_one_for_all = c.sites.ranks.size() == 1;
    auto const index = is_one_for_all ? 0 : static_cast<std::size_t>(fault.site);
    if (index < c.sites.ranks.size()) require_below(rank, fault.rank, "sites.ranks", c.sites.ranks[index]);
  }
  report.require(!lasts(fault.kind) || fault.for_s > 0, {for_s, kind},
                 fmt::format("{} is missing: how long it lasts", path("for_s")), "set for_s to some seconds");
  bool const is_of_sites = fault.kind == ChaosKind::slow || fault.kind == ChaosKind::corrupt;
  report.require(!is_of_sites || fault.shard < 0, {kind, shard},
                 fmt::format("do = \"{}\" is done by sites only", name(fault.kind)), "give it a site");
  bool const needs_norms = fault.kind == ChaosKind::corrupt && fault.how == Corruption::norm;
  report.require(!needs_norms || c.outer.gate_z > 0, {how, "outer.gate_z"},
                 "how = \"norm\" would be merged with outer.gate_z = 0",
                 "set outer.gate_z, for example to 6");
  bool const needs_owners = fault.kind == ChaosKind::corrupt && fault.how == Corruption::term;
  report.require(!needs_owners || c.syncer.replicas > 0, {how, "syncer.replicas"},
                 "how = \"term\" needs an owner who took a fragment over",
                 "set syncer.replicas = 1, and kill a shard before");
  check_exchange(c, fault.kind, kind, report);
}

void check_chaos(RunConfig const& c, Report& report) {
  for (std::size_t number = 0; number < c.chaos.size(); ++number) check_fault(c, number, report);
  report.require(c.storm.for_s[0] <= c.storm.for_s[1], {"storm.for_s"}, "storm.for_s has its longest first",
                 "write [shortest, longest]");
  if (c.storm.faults_per_hour == 0) return;
  for (auto const kind : c.storm.kinds) check_exchange(c, kind, "storm.do", report);
  report.require(c.storm.for_s[0] > 0, {"storm.for_s", "storm.faults_per_hour"},
                 "storm.for_s = 0 s lasts no time", "use at least 0.1 s");
}

}  // namespace

void check_relations(RunConfig const& config, Report& report) {
  for (auto check :
       {check_run, check_sites, check_syncer, check_batch, check_model, check_outer, check_chaos})
    check(config, report);
}

}  // namespace atl::deck
