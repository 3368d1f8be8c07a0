#include "deck/deck.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "deck/checks.hpp"
#include "deck/document.hpp"
#include "deck/keys.hpp"

namespace atl::deck {

RunConfig parse(std::string const& text, std::string const& where,
                std::vector<std::string> const& overrides) {
  return keys().parse(text, where, overrides, check_relations);
}

RunConfig load(std::filesystem::path const& file, std::vector<std::string> const& overrides) {
  return parse(read_text(file), file.string(), overrides);
}

base::InputError located(base::InputError const& error, std::filesystem::path const& file,
                         std::vector<std::string> const& overrides) {
  auto problems = error.problems();
  auto const is_key = [](std::string const& path) {
    return std::ranges::any_of(keys(), [&](Key const& key) { return key.path() == path; });
  };
  if (std::ranges::none_of(problems, is_key, &base::Problem::where)) return error;

  Report ignored(file.string());
  auto written = read_document(read_text(file), file.string()).entries;
  std::ranges::move(read_overrides(overrides, ignored), std::back_inserter(written));
  for (auto& problem : problems) {
    auto const sets_it = [&](Entry const& entry) { return entry.section + '.' + entry.key == problem.where; };
    auto const last = std::find_if(written.rbegin(), written.rend(), sets_it);  // overrides come last
    if (last == written.rend()) continue;
    problem.what = fmt::format("{}: {}", problem.where, problem.what);
    problem.where = last->place.text;
  }
  return base::InputError(std::move(problems));
}

}  // namespace atl::deck
