// A row of a key table; the schema's words follow from the type of its value.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <concepts>

#include "deck/key.hpp"
#include "deck/value.hpp"

namespace atl::deck {

// One row: where the value lives in its section (a member, or a function of the section), and what a user
// must know of it.
template <class Access>
struct Field {
  char const* name;
  Access access;
  Range range;
  char const* unit;
  char const* meaning;
  unsigned traits = 0;
};

// What else is true of a key; joined by |.
constexpr unsigned agreed = 1;   // the same for all processes of a run, see `agreement`
constexpr unsigned elastic = 2;  // a resumed run may have it otherwise, see `resume_conflicts`

// ---- what the schema says of a type ------------------------------------------------------------

inline std::string type_of(bool) { return "boolean"; }
inline std::string type_of(double) { return "float"; }
inline std::string type_of(std::string const&) { return "string"; }
std::string type_of(std::integral auto) { return "integer"; }
std::string type_of(Choice auto) { return "choice"; }
template <class T>
std::string type_of(std::vector<T> const&) {
  return fmt::format("{0} or list of {0}s", type_of(T{}));
}
template <class T, std::size_t N>
std::string type_of(std::array<T, N> const&) {
  return fmt::format("list of {} {}s", N, type_of(T{}));
}

template <class T>
std::string values_of(T const& value, Range const& range) {
  if constexpr (Choice<T>) return fmt::format("{}", fmt::join(names(value), " | "));
  if constexpr (std::same_as<T, bool>) return "true | false";
  return range.text();
}

template <class T>
std::string values_of(std::vector<T> const&, Range const& range) {
  return values_of(T{}, range);
}

template <class T>
constexpr bool is_text = std::same_as<T, std::string> || std::same_as<T, std::vector<std::string>>;

// ---- what a row says of its key ----------------------------------------------------------------

template <class Access, class T>
Key describe(char const* section, Field<Access> const& field, T const& default_value) {
  return {.doc = {.section = section,
                  .key = field.name,
                  .type = type_of(default_value),
                  .unit = field.unit,
                  .default_value = write(default_value),
                  .range = values_of(default_value, field.range),
                  .meaning = field.meaning,
                  .may_change_on_resume = (field.traits & elastic) != 0},
          .agreed = (field.traits & agreed) != 0,
          .takes_text = is_text<T>};
}

}  // namespace atl::deck
