#include "train/trained_model.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "data/dataset.hpp"
#include "data/tokenizer.hpp"
#include "deck/deck.hpp"
#include "train/model_archive.hpp"

namespace atl::train {

namespace {

constexpr char const* imported = "imported";
constexpr char const* imported_file = "model.h5";
constexpr std::uint64_t first_with_owners = 3;  // format: a shard's file says which fragments it has

checkpoint::Set find_set(std::filesystem::path const& path) {
  if (!std::filesystem::exists(path)) {
    throw base::InputError(path.string(), "there is no such folder",
                           "give a folder of runs/, or a checkpoint in it");
  }
  if (std::filesystem::exists(path / checkpoint::manifest_name))
    return {path, checkpoint::read_manifest(path)};
  auto const checkpoints = path / "checkpoints";
  auto sets =
      std::filesystem::exists(checkpoints) ? checkpoint::find_sets(checkpoints) : checkpoint::FoundSets{};
  for (auto const& each : sets.skipped) {
    auto const folder = std::filesystem::is_directory(each.where)
                            ? std::filesystem::path(each.where)
                            : std::filesystem::path(each.where).parent_path();
    bool const is_being_written = !std::filesystem::exists(folder / checkpoint::manifest_name);
    if (!is_being_written) base::log::warn(fmt::format("passed over: {}: {}", each.where, each.what));
  }
  if (sets.complete.empty()) {
    bool const is_hugging_face = std::filesystem::exists(path / "config.json");
    throw base::InputError(path.string(), "no complete checkpoint here",
                           is_hugging_face
                               ? fmt::format("import it: atoll import {} --out models/NAME", path.string())
                               : "give a run's folder, one of its checkpoints, or an imported model");
  }
  return std::move(sets.complete.front());
}

// Beside an imported model, or in the folder of the set's run: both may have moved, and the text be
// elsewhere.
std::string find_tokenizer(std::filesystem::path const& set, std::string const& name) {
  if (name == "bytes" || name == "none") return name;
  for (auto const& own : {set / name, (set / "../.." / data::tokenizer_name).lexically_normal()})
    if (std::filesystem::exists(own)) return own.string();
  return name;
}

deck::RunConfig config_of(checkpoint::Set const& set) {
  auto config = deck::parse(set.manifest.deck, (set.folder / checkpoint::manifest_name).string(), {});
  config.data.tokenizer = find_tokenizer(set.folder, config.data.tokenizer);
  auto const fact = set.manifest.facts.find("tokenizer");
  if (fact == set.manifest.facts.end() ||
      fact->second != data::load_tokenizer(config.data.tokenizer)->digest().hex()) {
    throw base::InputError(config.data.tokenizer, "is not the tokenizer that this model was trained with",
                           "prepare the data again from the same text with the same options");
  }
  return config;
}

}  // namespace

ParameterFiles::ParameterFiles(checkpoint::Set const& set, deck::RunConfig const& config) {
  auto const open = [&](std::string const& name) {
    in_turns_.emplace_back(set.folder, set.manifest.file(name));
  };
  if (set.manifest.kind == imported) {
    open(imported_file);
  } else if (!has_outer_exchange(config)) {
    open(site_file(0, 0));
  } else if (set.manifest.format >= first_with_owners) {
    shards_.emplace(resume_from(set.folder));
  } else {
    for (int shard = 0; shard < set.manifest.layout.shards; ++shard) open(shard_file(shard));
  }
}

base::Reader const& ParameterFiles::of(int fragment) const {
  if (shards_) return shards_->of(fragment);
  return in_turns_[static_cast<std::size_t>(fragment) % in_turns_.size()].root();
}

TrainedModel load_model(std::filesystem::path const& path) {
  auto const set = find_set(path);
  auto config = config_of(set);
  auto table = parameter_table(config);
  std::vector<float> parameters(table.size());

  ParameterFiles const files(set, config);
  for (int p = 0; p < table.fragments(); ++p) {
    auto const range = table.fragment(p);
    load_tensors(*files.of(p).group("model"), table.tensors_of(p), range.offset,
                 std::span(parameters).subspan(range.offset, range.size));
  }
  return {set.folder, set.manifest.step, std::move(config), std::move(table), std::move(parameters)};
}

void write_model(std::filesystem::path const& folder, deck::RunConfig const& config,
                 tensor::ParamTable const& table, std::span<float const> parameters) {
  checkpoint::FileWriter writer(folder, imported_file);
  auto const model = writer.root().group("model");
  for (int p = 0; p < table.fragments(); ++p) save_tensors(*model, table.tensors_of(p), 0, parameters);

  auto const own = folder / config.data.tokenizer;
  auto const tokenizer =
      data::load_tokenizer(std::filesystem::exists(own) ? own.string() : config.data.tokenizer);
  checkpoint::write_manifest(folder, {.step = 0,
                                      .time_s = 0.0,
                                      .kind = imported,
                                      .layout = {},
                                      .deck = deck::echo(config),
                                      .param_table = table.digest(),
                                      .facts = {{"tokenizer", tokenizer->digest().hex()}},
                                      .files = {writer.finish()}});
}

}  // namespace atl::train
