#include "interop/json_object.hpp"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "base/durable_file.hpp"
#include "base/error.hpp"

namespace atl::interop {

namespace {

constexpr char const* remedy = "fetch or make it again";
constexpr int max_depth = 32;

}  // namespace

Json parse_object(std::string const& where, std::string const& text) {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  auto const watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_depth) throw base::InputError(where, "is nested too deeply", remedy);
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second) {
      throw base::InputError(where, fmt::format("'{}' is there twice", parsed.get<std::string>()), remedy);
    }
    return true;
  };
  try {
    auto json = Json::parse(text, watch);
    if (!json.is_object()) throw base::InputError(where, "is no JSON object", remedy);
    return json;
  } catch (Json::parse_error const& error) {
    throw base::InputError(where, fmt::format("is no JSON at its byte {}", error.byte), remedy);
  } catch (Json::exception const& error) {  // a number that is too large, for one
    throw base::InputError(where, fmt::format("cannot be understood: {}", error.what()), remedy);
  }
}

Json read_object(std::filesystem::path const& file) {
  auto const text = base::read_text(file);
  if (!text) throw base::InputError(file.string(), "is missing", "give the folder of a model");
  return parse_object(file.string(), *text);
}

}  // namespace atl::interop
