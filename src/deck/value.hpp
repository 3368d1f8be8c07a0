// Values as a deck writes them, free of the TOML library: how each C++ type is read and written.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "deck/names.hpp"

namespace atl::deck {

// What no key takes: a date, a table, a list in a list.
struct Foreign {
  std::string_view kind;
};

using Scalar = std::variant<bool, std::int64_t, double, std::string, Foreign>;

// One scalar, or a list of them.
struct Value {
  std::vector<Scalar> items = {};
  bool is_list = false;
};

// The numbers that a key takes; either end may be left out of it.
// A text may be empty only where that is said.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;
  bool or_empty = false;

  bool contains(double x) const;
  std::string text() const;  // ">= 1", "0 <= x < 1", empty where everything goes
};

constexpr Range any{};
constexpr Range any_or_empty{.or_empty = true};
constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .low_open = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }
constexpr Range below_one{.low = 0.0, .high = 1.0, .high_open = true};

// Why a value cannot be taken: what follows "section.key = value" in a sentence,
// and what may have been meant.
struct Fault {
  std::string complaint;
  std::string hint;
};
using Verdict = std::optional<Fault>;  // empty: the value was taken

// ---- reading: `out` is assigned only where the value is right ----------------------------------
Fault wrong_type();
Fault out_of_range();
Verdict read(Scalar const& scalar, Range const& range, bool& out);
Verdict read(Scalar const& scalar, Range const& range, std::int64_t& out);
Verdict read(Scalar const& scalar, Range const& range, double& out);
Verdict read(Scalar const& scalar, Range const& range, std::string& out);
// The index of the scalar's text among `allowed`.
Verdict read_name(Scalar const& scalar, std::span<std::string_view const> allowed, std::size_t& out);

template <std::integral T>
Verdict read(Scalar const& scalar, Range const& range, T& out) {
  std::int64_t wide = 0;
  if (auto fault = read(scalar, range, wide)) return fault;
  if (!std::in_range<T>(wide)) return out_of_range();
  out = static_cast<T>(wide);
  return {};
}

template <Choice E>
Verdict read(Scalar const& scalar, Range const&, E& out) {
  std::size_t index = 0;
  if (auto fault = read_name(scalar, names(E{}), index)) return fault;
  out = static_cast<E>(index);
  return {};
}

template <class T>
Verdict read(Value const& value, Range const& range, T& out) {
  return value.is_list ? wrong_type() : read(value.items.front(), range, out);
}

// One scalar is a list of one.
template <class T>
Verdict read(Value const& value, Range const& range, std::vector<T>& out) {
  std::vector<T> list(value.items.size());
  if (list.empty()) return Fault{"is an empty list", ""};
  for (std::size_t i = 0; i < list.size(); ++i)
    if (auto fault = read(value.items[i], range, list[i])) return fault;
  out = std::move(list);
  return {};
}

template <class T, std::size_t N>
Verdict read(Value const& value, Range const& range, std::array<T, N>& out) {
  std::array<T, N> list{};
  if (!value.is_list) return wrong_type();
  if (value.items.size() != N) return Fault{"does not have " + std::to_string(N) + " entries", ""};
  for (std::size_t i = 0; i < N; ++i)
    if (auto fault = read(value.items[i], range, list[i])) return fault;
  out = list;
  return {};
}

// ---- writing, as TOML --------------------------------------------------------------------------
std::string write(bool value);
std::string write(double value);
std::string write(std::string_view value);
std::string write(Value const& value);  // as the user wrote it
std::string write(std::vector<std::string> const& items, bool is_list);

template <std::integral T>
std::string write(T value) {
  return std::to_string(value);
}

template <Choice E>
std::string write(E value) {
  return write(name(value));
}

// A list of one as the scalar.
template <class T>
std::string write(std::vector<T> const& list) {
  std::vector<std::string> items;
  for (auto const& item : list) items.push_back(write(item));
  return write(items, list.size() != 1);
}

template <class T, std::size_t N>
std::string write(std::array<T, N> const& list) {
  std::vector<std::string> items;
  for (auto const& item : list) items.push_back(write(item));
  return write(items, true);
}

}  // namespace atl::deck
