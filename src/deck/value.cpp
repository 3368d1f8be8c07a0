#include "deck/value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "deck/nearest.hpp"

namespace atl::deck {

// ---- ranges ------------------------------------------------------------------------------------

bool Range::contains(double x) const {
  return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high);
}

std::string Range::text() const {
  if (std::isinf(low)) return "";
  if (std::isinf(high)) return fmt::format("{} {}", low_open ? ">" : ">=", low);
  if (!low_open && !high_open) return fmt::format("{} to {}", low, high);
  return fmt::format("{} {} x {} {}", low, low_open ? "<" : "<=", high_open ? "<" : "<=", high);
}

// ---- reading -----------------------------------------------------------------------------------

Fault wrong_type() { return {"has the wrong type", ""}; }
Fault out_of_range() { return {"is out of range", ""}; }

Verdict read(Scalar const& scalar, Range const&, bool& out) {
  auto const* flag = std::get_if<bool>(&scalar);
  if (!flag) return wrong_type();
  out = *flag;
  return {};
}

Verdict read(Scalar const& scalar, Range const& range, std::int64_t& out) {
  auto const* number = std::get_if<std::int64_t>(&scalar);
  if (!number) return wrong_type();
  if (!range.contains(static_cast<double>(*number))) return out_of_range();
  out = *number;
  return {};
}

Verdict read(Scalar const& scalar, Range const& range, double& out) {
  double number = 0.0;
  if (auto const* real = std::get_if<double>(&scalar))
    number = *real;
  else if (auto const* whole = std::get_if<std::int64_t>(&scalar))
    number = static_cast<double>(*whole);
  else
    return wrong_type();
  if (!std::isfinite(number) || !range.contains(number)) return out_of_range();
  out = number;
  return {};
}

Verdict read(Scalar const& scalar, Range const& range, std::string& out) {
  auto const* text = std::get_if<std::string>(&scalar);
  if (!text) return wrong_type();
  if (text->empty() && !range.or_empty) return Fault{"is empty", ""};
  out = *text;
  return {};
}

Verdict read_name(Scalar const& scalar, std::span<std::string_view const> allowed, std::size_t& out) {
  auto const* text = std::get_if<std::string>(&scalar);
  if (!text) return wrong_type();
  auto const found = std::ranges::find(allowed, *text);
  if (found == allowed.end()) return Fault{"is none of its values", std::string(nearest(*text, allowed))};
  out = static_cast<std::size_t>(found - allowed.begin());
  return {};
}

// ---- writing -----------------------------------------------------------------------------------

std::string write(bool value) { return value ? "true" : "false"; }

std::string write(double value) {
  std::string text = fmt::format("{}", value);  // the shortest that reads back the same
  bool const looks_whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return looks_whole ? text + ".0" : text;
}

std::string write(std::string_view value) {
  std::string text = "\"";
  for (char const c : value) {
    bool const is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (c == '"' || c == '\\') text += '\\';
    text += is_control ? fmt::format("\\u{:04X}", c) : std::string(1, c);
  }
  return text + '"';
}

std::string write(std::vector<std::string> const& items, bool is_list) {
  return is_list ? fmt::format("[{}]", fmt::join(items, ", ")) : items.front();
}

std::string write(Value const& value) {
  auto const write_scalar = [](auto const& scalar) -> std::string {
    if constexpr (requires { scalar.kind; })
      return std::string(scalar.kind);
    else
      return write(scalar);
  };
  std::vector<std::string> items;
  for (auto const& item : value.items) items.push_back(std::visit(write_scalar, item));
  return write(items, value.is_list);
}

}  // namespace atl::deck
