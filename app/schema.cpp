// atoll schema: the deck's keys, from the tables that also read them.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "base/exit_code.hpp"
#include "deck/deck.hpp"
#include "sim/fleet/keys.hpp"
#include "sim/keys.hpp"

namespace atl::app {

namespace {

std::vector<deck::KeyDoc> simulation_schema() {
  auto schema = sim::storm_keys().schema();
  std::ranges::move(sim::goodput_keys().schema(), std::back_inserter(schema));
  for (auto& key : sim::decoupled_keys().schema()) {
    if (key.section == "decoupled") schema.push_back(std::move(key));  // the others are those of goodput
  }
  std::ranges::move(sim::bandwidth_keys().schema(), std::back_inserter(schema));
  return schema;
}

std::string simulation_reference() {
  return "# Every key of a simulation's deck\n\n"
         "Made by `atoll schema --simulate --markdown`. What `atoll simulate` does follows from the "
         "sections: "
         "[storm], [goodput], [decoupled] or [bandwidth].\n" +
         deck::tables(simulation_schema());
}

}  // namespace

int run_command(SchemaFlags const& flags) {
  if (flags.markdown) {
    fmt::print("{}", flags.simulate ? simulation_reference() : deck::reference());
    return static_cast<int>(base::ExitCode::done);
  }
  auto json = nlohmann::ordered_json::array();
  std::string section;
  for (auto const& key : flags.simulate ? simulation_schema() : deck::schema()) {
    if (flags.json) {
      json.push_back({{"key", key.section + "." + key.key},
                      {"type", key.type},
                      {"unit", key.unit},
                      {"default", key.default_value},
                      {"range", key.range},
                      {"meaning", key.meaning},
                      {"may_change_on_resume", key.may_change_on_resume}});
      continue;
    }
    if (key.section != section) fmt::print("{}[{}]\n", section.empty() ? "" : "\n", key.section);
    section = key.section;
    fmt::print("{} = {}\n    {}{}{}: {}{}\n", key.key, key.default_value, key.type,
               key.unit.empty() ? "" : ", " + key.unit, key.range.empty() ? "" : ", " + key.range,
               key.meaning, key.may_change_on_resume ? "; may change on resume" : "");
  }
  if (flags.json) fmt::print("{}\n", json.dump(2));
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
