// What this version has of what a deck may say. Later versions shorten this file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "deck/checks.hpp"
#include "deck/keys.hpp"

namespace atl::deck {

namespace {

// Keys of which only some values are available, as TOML.
struct Available {
  std::string_view path;
  std::vector<std::string_view> values;
};

std::vector<Available> const& table() {
  static std::vector<Available> const rows = {
      {"run.stop", {"\"clock\""}},
      {"run.method", {"\"decoupled\"", "\"data_parallel\""}},
      {"sites.repair", {"\"site\""}},
      {"sites.spares", {"0"}},
      {"syncer.replicas", {"0"}},
      {"model.family", {"\"llama\""}},
      {"model.precision", {"\"fp32\""}},
      {"inner.micro_batch", {"0"}},
      {"inner.schedule", {"\"cosine\"", "\"constant\""}},
      {"outer.partition", {"\"balanced\""}},
      {"outer.anchor", {"\"base\""}},
      {"outer.receive", {"\"overwrite\"", "\"rebase\""}},
      {"outer.late", {"\"drop\""}},
      {"outer.gate_z", {"0.0"}},
      {"outer.codec", {"\"fp32\""}},
      {"outer.release_codec", {"\"fp32\""}},
      {"link.delay_ms", {"0.0"}},
      {"link.bandwidth_mbit_s", {"0.0"}},
      {"checkpoint.every_s", {"0.0"}},
      {"output.tensorboard", {"false"}},
      {"output.trace", {"false"}},
  };
  return rows;
}

std::string not_available(std::string_view what) {
  return fmt::format("{} is not available in this version", what);
}

}  // namespace

std::vector<std::string_view> available_values(std::string_view path) {
  auto const row = std::ranges::find(table(), path, &Available::path);
  return row == table().end() ? std::vector<std::string_view>{} : row->values;
}

void check_available(RunConfig const& config, Report& report) {
  for (auto const& key : keys()) {
    auto const path = key.path();
    auto const values = available_values(path);
    auto const value = key.write(config);
    report.require(values.empty() || std::ranges::count(values, value) > 0, {path},
                   not_available(fmt::format("{} = {}", path, value)),
                   fmt::format("use {}", fmt::join(values, " or ")));
  }

  auto const& ranks = config.sites.ranks;
  bool const same_size = std::ranges::count(ranks, ranks.front()) == std::ssize(ranks);
  report.require(same_size, {"sites.ranks"}, not_available("sites of different sizes"),
                 "use one number of ranks for all sites");
  report.require(config.sites.data.size() == 1, {"sites.data"},
                 not_available("data of its own for every site"),
                 "use one folder, which is split over the sites");
  auto const& model = config.model;
  bool const grouped = model.kv_heads != model.heads && model.heads % model.kv_heads == 0;
  report.require(!grouped, {"model.kv_heads", "model.heads"},
                 not_available("model.kv_heads other than model.heads"),
                 fmt::format("use model.kv_heads = {}", model.heads));
  bool const one_site = config.run.method == Method::data_parallel;
  bool const alone = ranks.front() == 1 && (!one_site || config.sites.count == 1);
  report.require(!config.inner.shard_optimizer || alone,
                 {"inner.shard_optimizer", "sites.ranks", "sites.count", "run.method"},
                 not_available("inner.shard_optimizer = true with more than one rank in a site"),
                 "use inner.shard_optimizer = false");
}

}  // namespace atl::deck
