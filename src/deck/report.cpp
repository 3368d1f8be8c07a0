#include "deck/report.hpp"

#include <algorithm>
#include <tuple>

namespace atl::deck {

void Report::add(Place const& place, std::string what, std::string remedy) {
  problems_.emplace_back(place, base::Problem{place.text, std::move(what), std::move(remedy)});
}

void Report::reject(std::string const& path, std::string what, std::string remedy) {
  rejected_.insert(path);
  add(place_of(path), std::move(what), std::move(remedy));
}

void Report::require(bool holds, std::initializer_list<std::string_view> paths, std::string what,
                     std::string remedy) {
  auto const is_rejected = [&](std::string_view path) { return rejected_.contains(path); };
  if (holds || std::ranges::any_of(paths, is_rejected)) return;
  auto const by_override = [&](std::string_view path) { return place_of(path).line == Place::after_file; };
  auto const by_deck = [&](std::string_view path) { return places_.contains(path); };
  auto found = std::ranges::find_if(paths, by_override);
  if (found == paths.end()) found = std::ranges::find_if(paths, by_deck);
  add(found == paths.end() ? deck_ : place_of(*found), std::move(what), std::move(remedy));
}

void Report::throw_if_any() {
  if (problems_.empty()) return;
  std::ranges::stable_sort(
      problems_, {}, [](auto const& entry) { return std::tuple(entry.first.line, entry.first.column); });
  std::vector<base::Problem> problems;
  for (auto& [place, problem] : problems_) problems.push_back(std::move(problem));
  throw base::InputError(std::move(problems));
}

Place const& Report::place_of(std::string_view path) const {
  auto const found = places_.find(path);
  return found == places_.end() ? deck_ : found->second;
}

}  // namespace atl::deck
