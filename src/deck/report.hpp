// What is wrong with a deck, collected until everything is known, and where each key was written.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace atl::deck {

// Where something was written. Overrides have no line and come after the whole file.
struct Place {
  static constexpr std::uint32_t after_file = std::numeric_limits<std::uint32_t>::max();
  std::string text;  // "deck.toml:12:3" or "--set run.steps"
  std::uint32_t line = after_file, column = after_file;
};

class Report {
 public:
  // `deck` stands for keys that nobody wrote.
  explicit Report(std::string deck) : deck_{.text = std::move(deck), .line = 0, .column = 0} {}

  // The key "section.key" is at `place`.
  void written(std::string path, Place place) { places_.insert_or_assign(std::move(path), std::move(place)); }

  void add(Place const& place, std::string what, std::string remedy);
  // The key's own value is wrong: it is reported at the key, and relations with this key are not looked at.
  void reject(std::string const& path, std::string what, std::string remedy);
  // A relation between keys. Where it does not hold, it is reported at the first of them that an override
  // set, else at the first that the deck wrote.
  void require(bool holds, std::initializer_list<std::string_view> paths, std::string what,
               std::string remedy);

  // Throws InputError with everything reported so far, in the order of the deck.
  void throw_if_any();

 private:
  Place const& place_of(std::string_view path) const;

  Place deck_;
  std::map<std::string, Place, std::less<>> places_;
  std::set<std::string, std::less<>> rejected_;
  std::vector<std::pair<Place, base::Problem>> problems_;
};

}  // namespace atl::deck
