#include "checkpoint/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "checkpoint/format.hpp"

namespace atl::checkpoint {

namespace fs = std::filesystem;

using Json = nlohmann::ordered_json;

namespace {

// The manifest's own digest is of its text with this in the digest's place: bytes, not values, so that it
// does not depend on how a JSON library prints numbers.
constexpr std::string_view no_digest = "00000000000000000000000000000000";
// Unescaped quotes: within a JSON text this can only be the key itself.
constexpr std::string_view digest_key = "\"manifest_digest\": \"";

// Where the 32 digits of the manifest's own digest begin.
std::size_t digest_position(std::string_view text) {
  auto const key = text.find(digest_key);
  return key == text.npos ? key : key + digest_key.size();
}

base::Digest own_digest(std::string text, std::size_t position) {
  return base::digest_of(text.replace(position, no_digest.size(), no_digest));
}

void ensure_sound(Manifest const& manifest) {
  base::ensure(std::isfinite(manifest.time_s), "the time of a checkpoint must be finite");
  for (auto const& file : manifest.files) {
    auto const same = [&](WrittenFile const& other) { return other.name == file.name; };
    base::ensure(std::ranges::count_if(manifest.files, same) == 1,
                 "two files of a checkpoint have the same name");
  }
}

// Either nobody wrote it as a part of a run, or sites of at least one rank and at least one shard did.
bool is_possible(Layout const& layout) {
  bool const has_ranks = std::ranges::all_of(layout.ranks_per_site, [](int ranks) { return ranks > 0; });
  return has_ranks && (layout.ranks_per_site.empty() ? layout.shards == 0 : layout.shards > 0);
}

Json to_json(Manifest const& manifest) {
  Json files = Json::array();
  for (auto const& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"digest", file.digest.hex()}});
  }
  Json json;
  json["program"] = "atoll";
  json["format_version"] = format_version;
  json["manifest_digest"] = no_digest;
  json["step"] = manifest.step;
  json["time_s"] = manifest.time_s;
  json["kind"] = manifest.kind;
  json["layout"] = {{"ranks_per_site", manifest.layout.ranks_per_site}, {"shards", manifest.layout.shards}};
  json["param_table"] = manifest.param_table.hex();
  json["facts"] = manifest.facts;
  json["files"] = std::move(files);
  json["deck"] = manifest.deck;
  return json;
}

Manifest from_json(Json const& json) {
  Manifest manifest;
  manifest.format = json.at("format_version").get<std::uint64_t>();
  manifest.step = json.at("step").get<std::uint64_t>();
  manifest.time_s = json.at("time_s").get<double>();
  manifest.kind = json.at("kind").get<std::string>();
  manifest.layout.ranks_per_site = json.at("layout").at("ranks_per_site").get<std::vector<int>>();
  manifest.layout.shards = json.at("layout").at("shards").get<int>();
  manifest.param_table = base::Digest::from_hex(json.at("param_table").get<std::string>());
  manifest.facts = json.at("facts").get<std::map<std::string, std::string>>();
  for (auto const& file : json.at("files")) {
    manifest.files.push_back({.name = file.at("name").get<std::string>(),
                              .bytes = file.at("bytes").get<std::uint64_t>(),
                              .digest = base::Digest::from_hex(file.at("digest").get<std::string>())});
  }
  manifest.deck = json.at("deck").get<std::string>();
  return manifest;
}

}  // namespace

WrittenFile const& Manifest::file(std::string_view name) const {
  auto const found = std::ranges::find(files, name, &WrittenFile::name);
  if (found == files.end()) {
    throw base::InputError(std::string(name), "is not among the files of this checkpoint",
                           "this checkpoint is damaged: use another one");
  }
  return *found;
}

void write_manifest(fs::path const& folder, Manifest const& manifest) {
  ensure_sound(manifest);
  std::string text;
  try {
    text = to_json(manifest).dump(2) + '\n';
  } catch (Json::exception const& error) {
    throw base::RuntimeFailure(
        fmt::format("{}: a text is not UTF-8: {}", (folder / manifest_name).string(), error.what()));
  }
  auto const position = digest_position(text);
  text.replace(position, no_digest.size(), own_digest(text, position).hex());
  base::publish_text(folder / manifest_name, text);
}

Manifest read_manifest(fs::path const& folder) {
  std::string const where = (folder / manifest_name).string();
  auto const text = base::read_text(where);
  if (!text) {
    throw base::InputError(where, "is missing: there is no checkpoint here, or it was not finished",
                           "name a finished checkpoint, such as checkpoints/step_00000100");
  }
  auto const damaged = [&](std::string what) {
    return base::InputError(where, std::move(what), "this checkpoint is damaged: use another one");
  };
  try {
    Json const json = Json::parse(*text);
    // Before all else: a newer format may mean anything by the rest.
    if (auto const version = json.at("format_version").get<std::uint64_t>(); version > format_version) {
      throw base::InputError(
          where, fmt::format("has format version {}, this atoll reads up to {}", version, format_version),
          "use the version of atoll that wrote it, or a newer one");
    }
    auto const position = digest_position(*text);
    if (position == text->npos ||
        own_digest(*text, position).hex() != text->substr(position, no_digest.size())) {
      throw damaged("was altered since it was written");
    }
    auto const manifest = from_json(json);
    if (!is_possible(manifest.layout)) throw damaged("has an impossible layout");
    return manifest;
  } catch (Json::exception const& error) {
    throw damaged(fmt::format("is torn or not a manifest: {}", error.what()));
  }
}

}  // namespace atl::checkpoint
