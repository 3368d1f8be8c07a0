#include "train/inspect_checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "checkpoint/hdf5_file.hpp"
#include "deck/deck.hpp"
#include "deck/names.hpp"
#include "train/checkpoints.hpp"
#include "train/model_archive.hpp"
#include "train/run_plan.hpp"
#include "train/trained_model.hpp"

namespace atl::train {

namespace {

constexpr std::uint64_t first_with_messages = 3;  // format

std::uint64_t version_of(base::Reader const& file, int fragment) {
  auto const machine = file.group("syncer_machine");
  auto const version = machine->group(fmt::format("fragment_{}", fragment))->read_uints("version");
  return version.empty() ? 0 : version.back();
}

void read_fragments(CheckpointReport& report) {
  auto const table = parameter_table(report.config);
  bool const has_versions = has_outer_exchange(report.config) && report.set.manifest.layout.shards > 0;
  ParameterFiles const files(report.set, report.config);

  base::DigestStream all;
  std::vector<float> values;
  for (int p = 0; p < table.fragments(); ++p) {
    auto const& file = files.of(p);
    auto const range = table.fragment(p);
    values.resize(range.size);
    load_tensors(*file.group("model"), table.tensors_of(p), range.offset, values);
    all.update(std::as_bytes(std::span(values)));
    report.fragments.push_back({.fragment = p,
                                .version = has_versions ? version_of(file, p) : 0,
                                .parameters = range.size,
                                .digest = base::digest_of(std::span<float const>(values))});
  }
  report.model = all.value();
}

void count_messages(CheckpointReport& report) {
  auto const set = resume_from(report.set.folder);
  auto const count = [&](std::string const& file, char const* group) {  // none of who was lost
    return set.has(file) ? set.open(file).root().group(group)->read_uint("count") : 0;
  };
  for (int shard = 0; shard < set.shards(); ++shard)
    report.contributions_in_flight += count(shard_file(shard), "in_flight");
  for (int site = 0; site < set.sites(); ++site)
    report.releases_in_flight += count(site_file(site, 0), "on_its_way");
}

}  // namespace

CheckpointReport inspect_checkpoint(std::filesystem::path const& path) {
  CheckpointReport report{.set = {path, checkpoint::read_manifest(path)},
                          .config = {},
                          .damage = {},
                          .fragments = {},
                          .model = {}};
  report.config = deck::parse(report.set.manifest.deck, (path / checkpoint::manifest_name).string(), {});
  report.damage = checkpoint::check_files(report.set);
  if (!report.damage.empty()) return report;
  read_fragments(report);
  if (report.set.manifest.format >= first_with_messages) count_messages(report);
  return report;
}

std::string describe(CheckpointReport const& report) {
  auto const& manifest = report.set.manifest;
  auto text =
      fmt::format("{}: step {}, {:.1f} s of training, {} (\"{}\")\n", report.set.folder.string(),
                  manifest.step, manifest.time_s, deck::name(report.config.run.method), manifest.kind);
  if (!manifest.layout.ranks_per_site.empty())
    text += fmt::format("layout   sites of {} ranks, {} shards; {} contributions and {} releases in flight\n",
                        fmt::join(manifest.layout.ranks_per_site, " + "), manifest.layout.shards,
                        report.contributions_in_flight, report.releases_in_flight);
  std::size_t parameters = 0;
  for (auto const& fragment : report.fragments) parameters += fragment.parameters;
  if (report.damage.empty())
    text += fmt::format("model    {}, digest {}\n", describe(report.config.model, parameters),
                        report.model.hex());
  for (auto const& [p, version, size, digest] : report.fragments)
    text +=
        fmt::format("fragment {}: version {}, {} parameters, digest {}\n", p, version, size, digest.hex());
  for (auto const& file : manifest.files) {
    auto const damage = std::ranges::find_if(report.damage, [&](base::Problem const& problem) {
      return problem.where == (report.set.folder / file.name).string();
    });
    text += fmt::format("file     {}: {} bytes, {}\n", file.name, file.bytes,
                        damage == report.damage.end() ? file.digest.hex() + ", as written" : damage->what);
  }
  for (auto const& [name, value] : manifest.facts) text += fmt::format("fact     {}: {}\n", name, value);
  return text + "deck     other than the defaults:\n" + deck::differences(report.config, {});
}

}  // namespace atl::train
