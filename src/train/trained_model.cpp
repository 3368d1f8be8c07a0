#include "train/trained_model.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/sets.hpp"
#include "data/tokenizer.hpp"
#include "deck/deck.hpp"
#include "train/channel.hpp"
#include "train/model_archive.hpp"

namespace atl::train {

namespace {

checkpoint::Set find_set(std::filesystem::path const& path) {
  if (!std::filesystem::exists(path)) {
    throw base::InputError(path.string(), "there is no such folder",
                           "give a folder of runs/, or a checkpoint in it");
  }
  if (std::filesystem::exists(path / checkpoint::manifest_name))
    return {path, checkpoint::read_manifest(path)};
  auto const checkpoints = path / "checkpoints";
  auto newest =
      std::filesystem::exists(checkpoints) ? checkpoint::newest_complete(checkpoints) : std::nullopt;
  if (!newest) {
    throw base::InputError(path.string(), "no complete checkpoint here",
                           "give a run's folder, or one of its checkpoints");
  }
  return *std::move(newest);
}

}  // namespace

TrainedModel load_model(std::filesystem::path const& path) {
  auto const [folder, manifest] = find_set(path);
  auto config = deck::parse(manifest.deck, (folder / checkpoint::manifest_name).string(), {});
  auto const fact = manifest.facts.find("tokenizer");
  if (fact == manifest.facts.end() ||
      fact->second != data::load_tokenizer(config.data.tokenizer)->digest().hex()) {
    throw base::InputError(config.data.tokenizer, "is not the tokenizer that this model was trained with",
                           "prepare the data again from the same text with the same options");
  }
  auto table = parameter_table(config);
  auto parameters = kernels::make_float_buffer("parameters", table.size());

  bool const exchanges = has_outer_exchange(config);
  int const writers = exchanges ? config.syncer.ranks : 1;
  for (int writer = 0; writer < writers; ++writer) {
    auto const file = exchanges ? shard_file(writer) : site_file(0);
    checkpoint::FileReader const reader(folder, manifest.file(file));
    auto const model = reader.root().group("model");
    for (int p = writer; p < table.fragments(); p += writers) {
      auto const range = table.fragment(p);
      load_tensors(*model, table.tensors_of(p), range.offset,
                   std::span(parameters.data() + range.offset, range.size));
    }
  }
  return {folder, manifest.step, std::move(config), std::move(table), std::move(parameters)};
}

}  // namespace atl::train
