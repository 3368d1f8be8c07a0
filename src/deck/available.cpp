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
      {"model.precision", {"\"fp32\""}},
      {"link.delay_ms", {"0.0"}},
      {"link.bandwidth_mbit_s", {"0.0"}},
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
}

}  // namespace atl::deck
