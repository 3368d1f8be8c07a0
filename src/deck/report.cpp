#include "deck/report.hpp"

#include <algorithm>
#include <tuple>

namespace atoll::deck {

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
  auto const is_written = [&](std::string_view path) { return places_.contains(path); };
  auto const first = std::ranges::find_if(paths, is_written);
  add(first == paths.end() ? deck_ : place_of(*first), std::move(what), std::move(remedy));
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

}  // namespace atoll::deck
