#include "train/checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/sets.hpp"
#include "comm/site_layout.hpp"
#include "deck/deck.hpp"

namespace atl::train {

namespace {

constexpr char const* quiet = "quiet";

std::map<std::string, std::string> facts_of(RunPlan const& plan) {
  return {{"tokenizer", plan.tokenizer.hex()}};
}

std::vector<base::Problem> conflicts(checkpoint::Set const& set, RunPlan const& plan) {
  auto const& manifest = set.manifest;
  constexpr std::uint64_t first_format = 3;
  if (manifest.format < first_format) {
    return {{set.folder.string(),
             fmt::format("has checkpoint format {}; runs are resumed from format {} on", manifest.format,
                         first_format),
             "its model can be used: eval, export, run.initial_model"}};
  }
  auto const saved = deck::parse(manifest.deck, (set.folder / checkpoint::manifest_name).string(), {});
  auto problems = deck::resume_conflicts(saved, plan.config);
  if (problems.empty() && manifest.param_table != plan.table.digest()) {
    problems.push_back({set.folder.string(), "lays the parameters out otherwise than this program",
                        "resume with the version of atoll that wrote it"});
  }
  if (problems.empty() && manifest.facts != facts_of(plan)) {
    problems.push_back({plan.config.data.tokenizer, "is not the tokenizer that this run was started with",
                        "prepare the data again from the same text with the same options"});
  }
  return problems;
}

// Whether the run can go on from what the set holds. A site that was lost is as one that was not there yet,
// where the method can do without it.
bool is_whole(ResumePoint const& point, RunPlan const& plan) {
  if (point.manifest.kind != quiet) return false;
  int sites = 0;
  for (int site = 0; site < point.sites(); ++site) sites += point.has(site_file(site, 0)) ? 1 : 0;
  bool const has_sites =
      plan.config.run.method == deck::Method::decoupled ? sites > 0 : sites == point.sites();
  return has_sites && point.has(shard_file(0)) &&
         (!has_outer_exchange(plan.config) || ShardFiles(point).cover(plan.table.fragments()));
}

// A round of a synchronous method closes with all the sites that opened it, and with no others.
void check_rounds(ResumePoint const& point, RunPlan const& plan) {
  if (!deck::is_synchronous(plan.config.run.method) || point.sites() == effective_sites(plan.config)) return;
  ShardFiles const files(point);
  auto const machine = files.machine();
  bool is_within_round = false;
  for (int p = 0; p < plan.table.fragments(); ++p)
    is_within_round |= machine->group(fmt::format("fragment_{}", p))->read_uint("held") > 0;
  for (auto const& file : files.all())
    is_within_round |= file.root().group("in_flight")->read_uint("count") > 0;
  if (!is_within_round) return;
  throw base::InputError(point.folder.string(), "was taken within a round, and sites.count differs",
                         fmt::format("resume with {} sites", point.sites()));
}

// A fragment stands with its owner; of anything else there is one a shard.
class JoinedMachines : public base::Reader {
 public:
  JoinedMachines(std::vector<std::unique_ptr<base::Reader>> machines, std::map<int, std::size_t> owners)
      : machines_(std::move(machines)), owners_(std::move(owners)) {}

  std::unique_ptr<base::Reader> group(std::string_view name) const override {
    return machines_[owners_.at(std::stoi(std::string(name.substr(fragment_.size()))))]->group(name);
  }
  std::uint64_t read_uint(std::string_view name) const override {
    std::uint64_t latest = 0;
    for (auto const& machine : machines_) latest = std::max(latest, machine->read_uint(name));
    return latest;
  }
  double read_double(std::string_view name) const override { return machines_[0]->read_double(name); }
  std::string read_text(std::string_view name) const override { return machines_[0]->read_text(name); }
  void read(std::string_view name, std::span<float> values) const override {
    machines_[0]->read(name, values);
  }
  std::vector<std::uint64_t> read_uints(std::string_view name) const override {
    return machines_[0]->read_uints(name);
  }

 private:
  static constexpr std::string_view fragment_ = "fragment_";
  std::vector<std::unique_ptr<base::Reader>> machines_;
  std::map<int, std::size_t> owners_;
};

}  // namespace

std::string shard_file(int shard) { return fmt::format("shard_{}.h5", shard); }

std::string site_file(int site, int rank) {
  return rank == 0 ? fmt::format("site_{}.h5", site) : fmt::format("site_{}_rank_{}.h5", site, rank);
}

bool ResumePoint::has(std::string const& file) const {
  return std::ranges::find(manifest.files, file, &checkpoint::WrittenFile::name) != manifest.files.end();
}

std::vector<std::string> ResumePoint::site_files(int site) const {
  std::vector<std::string> names = {site_file(site, 0)};
  for (int rank = 1; rank < manifest.layout.ranks_per_site[static_cast<std::size_t>(site)]; ++rank) {
    auto const name = site_file(site, rank);
    if (has(name)) names.push_back(name);
  }
  return names;
}

checkpoint::FileReader ResumePoint::open(std::string const& file) const {
  return checkpoint::FileReader(folder, manifest.file(file));
}

ShardFiles::ShardFiles(ResumePoint const& resume) : folder_(resume.folder) {
  for (int shard = 0; shard < resume.shards(); ++shard) {
    if (!resume.has(shard_file(shard))) continue;
    files_.push_back(resume.open(shard_file(shard)));
    for (auto const fragment : files_.back().root().read_uints("fragments"))
      owners_.emplace(static_cast<int>(fragment), files_.size() - 1);
  }
}

bool ShardFiles::cover(int fragments) const {
  return std::ssize(owners_) == fragments && (fragments == 0 || owners_.rbegin()->first == fragments - 1);
}

base::Reader const& ShardFiles::of(int fragment) const {
  auto const owner = owners_.find(fragment);
  if (owner != owners_.end()) return files_[owner->second].root();
  throw base::InputError(folder_.string(), fmt::format("no shard's file holds fragment {}", fragment),
                         "go on from another checkpoint");
}

std::unique_ptr<base::Reader> ShardFiles::machine() const {
  std::vector<std::unique_ptr<base::Reader>> machines;
  for (auto const& file : files_) machines.push_back(file.root().group("syncer_machine"));
  return std::make_unique<JoinedMachines>(std::move(machines), owners_);
}

ResumePoint resume_from(std::filesystem::path const& set) {
  auto manifest = checkpoint::read_manifest(set);
  return {manifest.step, set, std::move(manifest)};
}

std::optional<ResumePoint> find_resume_point(RunFolder const& folder, RunPlan const& plan) {
  if (!std::filesystem::exists(folder.checkpoints())) {
    if (auto const had = last_checkpoint(folder); !had.empty())
      throw base::InputError(
          folder.checkpoints().string(), fmt::format("is not there, and the run had saved {}", had),
          fmt::format("put it back; or remove {} to begin the run again", folder.status().string()));
    return std::nullopt;
  }
  auto const sets = checkpoint::find_sets(folder.checkpoints());
  bool passed_over = false;
  auto const pass_over = [&](std::string const& where, std::string const& what) {
    base::log::warn(fmt::format("{}: {}", where, what));
    passed_over = true;
  };
  for (auto const& skipped : sets.skipped) pass_over(skipped.where, skipped.what);
  for (auto const& set : sets.complete) {
    if (auto problems = conflicts(set, plan); !problems.empty()) throw base::InputError(std::move(problems));
    auto point = resume_from(set.folder);
    if (auto const damage = checkpoint::check_files(set); !damage.empty()) {
      for (auto const& each : damage) pass_over(each.where, each.what);
    } else if (!is_whole(point, plan)) {
      pass_over(set.folder.string(), "lacks the state of a site or shard");
    } else {
      check_rounds(point, plan);
      if (passed_over) base::log::warn(fmt::format("the run goes on from {}", set.folder.string()));
      return point;
    }
  }
  if (passed_over) base::log::warn("no complete checkpoint is left: the run starts at its beginning");
  return std::nullopt;
}

SealedSet seal_set(RunPlan const& plan, RunFolder const& folder, protocol::Seal const& seal, double time_s) {
  checkpoint::Manifest manifest{
      .step = seal.step,
      .time_s = time_s,
      .kind = quiet,
      .layout = {comm::SiteLayout::site_sizes(plan.config), plan.config.syncer.ranks},
      .deck = deck::echo(plan.config),
      .param_table = plan.table.digest(),
      .facts = facts_of(plan),
      .files = {}};
  SealedSet set{.folder = checkpoint::set_folder(folder.checkpoints(), seal.step)};
  for (auto const& file : seal.files) {
    manifest.files.push_back({file.name, file.bytes, file.digest});
    set.bytes += file.bytes;
  }
  checkpoint::write_manifest(set.folder, manifest);
  return set;
}

void prune_sets(RunPlan const& plan, RunFolder const& folder, std::uint64_t step) {
  try {
    auto const& keep = plan.config.checkpoint;
    checkpoint::prune(folder.checkpoints(), step,
                      {.newest = keep.keep, .every_steps = keep.keep_every_steps});
  } catch (base::RuntimeFailure const& failure) {
    base::log::warn(fmt::format("old checkpoints stay: {}", failure.what()));
  }
}

}  // namespace atl::train
