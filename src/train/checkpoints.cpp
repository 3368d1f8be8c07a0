#include "train/checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/sets.hpp"
#include "deck/deck.hpp"
#include "train/channel.hpp"

namespace atl::train {

namespace {

std::vector<int> ranks_per_site(deck::RunConfig const& config) {
  auto const& ranks = config.sites.ranks;
  auto const of = [&](int site) { return ranks[ranks.size() == 1 ? 0 : static_cast<std::size_t>(site)]; };
  std::vector<int> sizes(static_cast<std::size_t>(effective_sites(config)), 0);
  for (int site = 0; site < config.sites.count; ++site) {
    sizes[static_cast<std::size_t>(has_outer_exchange(config) ? site : 0)] += of(site);
  }
  return sizes;
}

bool may_differ(std::string const& section, std::string const& line) {
  return section == "[checkpoint]" || section == "[eval]" || section == "[output]" ||
         line.starts_with("walltime_s");
}

// The lines of a resolved deck that a resumed run must repeat, each with its section in front.
std::vector<std::string> binding_lines(std::string const& deck) {
  std::vector<std::string> lines;
  std::string section;
  std::istringstream text(deck);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with('[')) section = line;
    if (line.empty() || line.starts_with('[') || may_differ(section, line)) continue;
    lines.push_back(fmt::format("{} {}", section, line));
  }
  return lines;
}

std::vector<base::Problem> differences(std::string const& saved, std::string const& wanted) {
  auto const before = binding_lines(saved);
  auto const now = binding_lines(wanted);
  std::vector<base::Problem> problems;
  for (auto const& line : now) {
    if (std::ranges::find(before, line) != before.end()) continue;
    auto const key = line.substr(0, line.find('='));
    auto const old =
        std::ranges::find_if(before, [&](auto const& other) { return other.starts_with(key + "="); });
    problems.push_back(
        {"--resume",
         fmt::format("the deck says {}, the checkpoint {}", line, old == before.end() ? "nothing" : *old),
         "give the deck that the run was started with, or start a new run"});
  }
  return problems;
}

std::map<std::string, std::string> facts_of(data::Dataset const& dataset) {
  return {{"dataset", data::digest_of(dataset).hex()}, {"tokenizer", dataset.tokenizer_digest.hex()}};
}

bool is_resumable(checkpoint::Manifest const& manifest, deck::RunConfig const& config) {
  auto const has = [&](std::string const& name) {
    return std::ranges::any_of(manifest.files, [&](auto const& file) { return file.name == name; });
  };
  for (int site = 0; site < effective_sites(config); ++site) {
    if (!has(site_file(site))) return false;
  }
  for (int shard = 0; shard < config.syncer.ranks; ++shard) {
    if (!has(shard_file(shard))) return false;
  }
  return true;
}

}  // namespace

checkpoint::FileReader ResumePoint::open(std::string const& file) const {
  return checkpoint::FileReader(folder, manifest.file(file));
}

ResumePoint resume_from(std::filesystem::path const& set) {
  auto manifest = checkpoint::read_manifest(set);
  return {manifest.step, set, std::move(manifest)};
}

std::optional<ResumePoint> find_resume_point(RunFolder const& folder, RunPlan const& plan) {
  auto const sets = checkpoint::find_sets(folder.checkpoints());
  for (auto const& skipped : sets.skipped) {
    base::log::warn(fmt::format("{}: {}", skipped.where, skipped.what));
  }
  for (auto const& [set, manifest] : sets.complete) {
    auto problems = differences(manifest.deck, deck::echo(plan.config));
    if (problems.empty() && manifest.facts != facts_of(plan.dataset)) {
      problems.push_back({plan.dataset.folder.string(), "is not the data that this run was started with",
                          "prepare it again from the same text with the same options"});
    }
    if (!problems.empty()) throw base::InputError(std::move(problems));
    if (!is_resumable(manifest, plan.config)) {
      base::log::warn(
          fmt::format("{} lacks the state of a site or shard; looking for an older one", set.string()));
      continue;
    }
    if (auto const damage = checkpoint::check_files({set, manifest}); !damage.empty()) {
      base::log::warn(
          fmt::format("{}: {}; looking for an older checkpoint", damage.front().where, damage.front().what));
      continue;
    }
    return resume_from(set);
  }
  return std::nullopt;
}

protocol::Saved save_state(RunFolder const& folder, protocol::Save const& save, std::string const& file,
                           std::function<void(base::Writer&)> const& write) {
  protocol::Saved saved;
  saved.id = save.id;
  try {
    checkpoint::FileWriter writer(checkpoint::set_folder(folder.checkpoints(), save.step), file);
    write(writer.root());
    auto const written = writer.finish();
    saved.files.push_back({written.name, written.bytes, written.digest});
  } catch (std::exception const& failure) {
    saved.failure = failure.what();
  }
  return saved;
}

SealedSet seal_set(RunPlan const& plan, RunFolder const& folder, protocol::Seal const& seal, double time_s) {
  checkpoint::Manifest manifest{.step = seal.step,
                                .time_s = time_s,
                                .kind = "quiet",
                                .layout = {ranks_per_site(plan.config), plan.config.syncer.ranks},
                                .deck = deck::echo(plan.config),
                                .param_table = plan.table.digest(),
                                .facts = facts_of(plan.dataset),
                                .files = {}};
  SealedSet set{.folder = checkpoint::set_folder(folder.checkpoints(), seal.step)};
  for (auto const& file : seal.files) {
    manifest.files.push_back({file.name, file.bytes, file.digest});
    set.bytes += file.bytes;
  }
  checkpoint::write_manifest(set.folder, manifest);
  return set;
}

void prune_sets(RunPlan const& plan, RunFolder const& folder) {
  try {
    checkpoint::prune(folder.checkpoints(), plan.config.checkpoint.keep);
  } catch (base::RuntimeFailure const& failure) {
    base::log::warn(fmt::format("old checkpoints stay: {}", failure.what()));
  }
}

}  // namespace atl::train
