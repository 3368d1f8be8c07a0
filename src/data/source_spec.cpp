#include "data/source_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "base/error.hpp"

namespace atl::data {

namespace {

constexpr std::size_t most_sources = 64;
constexpr std::string_view blanks = " \t\r\n";

[[noreturn]] void refuse(std::string what) {
  throw base::InputError("sites.data", std::move(what),
                         "write PATH, or PATH * WEIGHT + PATH * WEIGHT with blanks around * and +");
}

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

double weight_from(std::string_view text, std::string_view source) {
  double weight = 0.0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(weight) || weight <= 0.0) {
    refuse(fmt::format("\"{}\" is no positive weight, in \"{}\"", text, source));
  }
  return weight;
}

SpecSource source_from(std::string_view text) {
  auto const star = text.rfind(" * ");
  bool const ends_with_star = text == "*" || text.ends_with(" *");
  SpecSource source;
  if (star != text.npos) source.weight = weight_from(trimmed(text.substr(star + 3)), text);
  source.path = trimmed(text.substr(0, star));
  if (ends_with_star || text.starts_with("* ")) refuse(fmt::format("\"{}\" lacks a path or a weight", text));
  if (source.path.empty()) refuse("a path is empty");
  return source;
}

}  // namespace

std::vector<SpecSource> parse_source_spec(std::string const& spec) {
  std::vector<SpecSource> sources;
  auto const padded = fmt::format(" {} ", spec);  // so that a + at either end stands between blanks
  for (std::string_view rest = padded;;) {
    auto const plus = rest.find(" + ");
    sources.push_back(source_from(trimmed(rest.substr(0, plus))));
    if (plus == rest.npos) break;
    rest.remove_prefix(plus + 2);  // its blank may be the next one's too
  }
  if (sources.size() > most_sources) {
    refuse(fmt::format("{} sources are named; at most {} can be mixed", sources.size(), most_sources));
  }
  auto const weighted =
      std::ranges::count_if(sources, [](auto const& source) { return source.weight > 0.0; });
  if (weighted != 0 && weighted != std::ssize(sources)) {
    refuse(fmt::format("{} of {} sources have a weight: all need one, or none", weighted, sources.size()));
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (sources[i].path == sources[j].path) refuse(fmt::format("\"{}\" is named twice", sources[i].path));
    }
  }
  return sources;
}

}  // namespace atl::data
