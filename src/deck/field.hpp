// How a row of the key table becomes a Key: reading, writing and the schema's words follow from its type.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <concepts>
#include <functional>

#include "deck/keys.hpp"

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
constexpr bool is_text = std::same_as<T, std::string> || std::same_as<T, std::vector<std::string>>;

// ---- a row, made into a key --------------------------------------------------------------------

template <class Section, class Access>
Key make_key(char const* section_name, Section RunConfig::*section, Field<Access> const& field) {
  auto const at = [=](auto& config) -> decltype(auto) { return std::invoke(field.access, config.*section); };
  RunConfig const defaults;
  auto const& value = at(defaults);
  return {
      .doc = {.section = section_name,
              .key = field.name,
              .type = type_of(value),
              .unit = field.unit,
              .default_value = write(value),
              .range = values_of(value, field.range),
              .meaning = field.meaning,
              .may_change_on_resume = (field.traits & elastic) != 0},
      .agreed = (field.traits & agreed) != 0,
      .takes_text = is_text<std::remove_cvref_t<decltype(value)>>,
      .read =
          [=](Value const& written, RunConfig& config) {
            auto&& out = at(config);
            return read(written, field.range, out);
          },
      .write = [=](RunConfig const& config) { return write(at(config)); },
  };
}

}  // namespace atl::deck
