// A small checkpoint as a run of two sites writes it: several files, groups, values of every kind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/manifest.hpp"
#include "checkpoint/sets.hpp"

namespace atl::test {

inline checkpoint::WrittenFile write_state(std::filesystem::path const& folder, std::string const& name) {
  checkpoint::FileWriter writer(folder, name);
  auto const machine = writer.root().group("machine");
  machine->write("step", std::uint64_t{120});
  machine->write("pace_s", 0.25);
  machine->write("numbers", std::vector<std::uint64_t>{1, 2, 3});
  auto const model = writer.root().group("model");
  model->write("wte", std::vector<float>(1000, 1.5f));
  model->write("name", name);
  return writer.finish();
}

inline std::filesystem::path write_small_set(std::filesystem::path const& checkpoints, std::uint64_t step) {
  auto const folder = checkpoint::start_set(checkpoints, step);
  checkpoint::Manifest manifest;
  manifest.step = step;
  manifest.time_s = 12.5;
  manifest.kind = "quiet";
  manifest.layout = {{1, 1}, 1};
  manifest.deck = "[run]\nname = \"small\"\n";
  manifest.param_table = base::digest_of("tensors");
  manifest.facts["tokenizer"] = base::digest_of("bytes").hex();
  for (auto const* name : {"shard_0.h5", "site_0.h5", "site_1.h5"})
    manifest.files.push_back(write_state(folder, name));
  checkpoint::write_manifest(folder, manifest);
  return folder;
}

}  // namespace atl::test
