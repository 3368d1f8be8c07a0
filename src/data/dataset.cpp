#include "data/dataset.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "data/token_file.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

namespace {

using Json = nlohmann::ordered_json;

constexpr int record_version = 1;
constexpr char const* prepare_again = "make it again with `atoll data prepare --force`";

Json to_json(SourceRecord const& source) {
  Json json = {{"name", source.name},
               {"digest", source.digest.hex()},
               {"text_bytes", source.text_bytes},
               {"invalid_utf8_replaced", source.replaced.count}};
  if (source.replaced.count > 0) json["first_invalid_offset"] = source.replaced.first_offset;
  return json;
}

Json to_json(PartRecord const& part) {
  return {{"entries", part.entries},
          {"tokens", part.tokens},
          {"text_bytes", part.bytes},
          {"digest", part.digest.hex()}};
}

SourceRecord source_from(Json const& json) {
  return {
      .name = json.at("name"),
      .digest = base::Digest::from_hex(json.at("digest").get<std::string>()),
      .text_bytes = json.at("text_bytes"),
      .replaced = {json.at("invalid_utf8_replaced"), json.value("first_invalid_offset", std::uint64_t{0})}};
}

PartRecord part_from(Json const& json) {
  return {.entries = json.at("entries"),
          .tokens = json.at("tokens"),
          .bytes = json.at("text_bytes"),
          .digest = base::Digest::from_hex(json.at("digest").get<std::string>())};
}

Dataset dataset_from(Json const& json) {
  if (json.at("format") != "atoll dataset") throw base::RuntimeFailure("it is no record of a dataset");
  if (int const version = json.at("version"); version != record_version) {
    throw base::RuntimeFailure(fmt::format("it has version {}, only {} is known", version, record_version));
  }
  Dataset dataset;
  auto const& recipe = json.at("recipe");
  for (auto const& source : recipe.at("sources")) dataset.recipe.sources.push_back(source_from(source));
  dataset.recipe.byte_level = recipe.at("tokenizer") == "bytes";
  dataset.recipe.given_tokenizer = recipe.value("given_tokenizer", "");
  dataset.recipe.vocab = recipe.at("vocab");
  dataset.recipe.validation_fraction = recipe.at("validation_fraction");
  dataset.recipe.seed = recipe.at("seed");
  dataset.sentencepiece_version = json.at("sentencepiece_version");
  dataset.tokenizer_digest = base::Digest::from_hex(json.at("tokenizer_digest").get<std::string>());
  dataset.train = part_from(json.at("train"));
  dataset.validation = part_from(json.at("validation"));
  if (dataset.recipe.vocab < 1 || dataset.recipe.vocab > max_vocab || dataset.validation.tokens == 0) {
    throw base::RuntimeFailure("it holds impossible numbers");
  }
  return dataset;
}

// Empty where `file` has the size of a token file of `part`.
std::vector<base::Problem> size_problem(std::filesystem::path const& file, PartRecord const& part) {
  std::error_code error;
  auto const bytes = std::filesystem::file_size(file, error);
  if (error) return {{file.string(), fmt::format("is missing: {}", error.message()), prepare_again}};
  auto const expected = token_file_header_bytes + width_of(IdType::u16) * part.tokens;
  if (bytes == expected) return {};
  return {{file.string(), fmt::format("has {} bytes; dataset.json says {}", bytes, expected), prepare_again}};
}

void append(std::vector<base::Problem>& problems, std::vector<base::Problem> more) {
  problems.insert(problems.end(), more.begin(), more.end());
}

}  // namespace

std::string in_millions(std::uint64_t tokens) {
  return tokens < 1'000'000 ? fmt::format("{}", tokens)
                            : fmt::format("{:.2f} M", static_cast<double>(tokens) / 1e6);
}

bool is_dataset(std::filesystem::path const& folder) {
  std::error_code ignored;  // what cannot be looked at is none
  return std::filesystem::exists(folder / record_name, ignored);
}

Dataset open_dataset(std::filesystem::path const& folder) {
  auto const record = folder / record_name;
  std::ifstream file(record);
  if (!file) {
    throw base::InputError(folder.string(), "holds no prepared dataset (no dataset.json)",
                           "make one with `atoll data prepare TEXT --out data/NAME`");
  }
  Dataset dataset;
  try {
    dataset = dataset_from(Json::parse(file));
  } catch (std::exception const& error) {
    std::string_view reason = error.what();
    // Without the JSON library's own name for it.
    if (auto const name = reason.find("] "); name != reason.npos) reason.remove_prefix(name + 2);
    throw base::InputError(record.string(), fmt::format("cannot be understood: {}", reason), prepare_again);
  }
  dataset.folder = folder;

  std::vector<base::Problem> problems;
  append(problems, size_problem(dataset.train_file(), dataset.train));
  append(problems, size_problem(dataset.validation_file(), dataset.validation));
  if (!dataset.recipe.byte_level && !std::filesystem::exists(dataset.tokenizer())) {
    problems.push_back({dataset.tokenizer(), "is missing", prepare_again});
  }
  if (!problems.empty()) throw base::InputError(std::move(problems));
  return dataset;
}

void check_digests(Dataset const& dataset) {
  std::vector<base::Problem> problems;
  auto const compare = [&](std::string const& file, base::Digest found, base::Digest said) {
    if (found == said) return;
    problems.push_back({file,
                        fmt::format("is not what was prepared: its digest is {}, dataset.json says {}",
                                    found.hex(), said.hex()),
                        prepare_again});
  };
  compare(dataset.tokenizer(), load_tokenizer(dataset.tokenizer())->digest(), dataset.tokenizer_digest);
  auto const compare_tokens = [&](std::filesystem::path const& file, PartRecord const& part) {
    compare(file.string(), TokenFile(file, 0, Coverage::whole).digest(), part.digest);
  };
  compare_tokens(dataset.train_file(), dataset.train);
  compare_tokens(dataset.validation_file(), dataset.validation);
  if (!problems.empty()) throw base::InputError(std::move(problems));
}

std::string dataset_record(Dataset const& dataset) {
  Json sources = Json::array();
  for (auto const& source : dataset.recipe.sources) sources.push_back(to_json(source));
  Json json = {{"format", "atoll dataset"},
               {"version", record_version},
               {"recipe",
                {{"sources", std::move(sources)},
                 {"tokenizer", dataset.recipe.byte_level ? "bytes" : "sentencepiece"},
                 {"vocab", dataset.recipe.vocab},
                 {"validation_fraction", dataset.recipe.validation_fraction},
                 {"seed", dataset.recipe.seed}}},
               {"sentencepiece_version", dataset.sentencepiece_version},
               {"tokenizer_digest", dataset.tokenizer_digest.hex()},
               {"train", to_json(dataset.train)},
               {"validation", to_json(dataset.validation)}};
  if (!dataset.recipe.given_tokenizer.empty())
    json["recipe"]["given_tokenizer"] = dataset.recipe.given_tokenizer;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

base::Digest digest_of(Dataset const& dataset) {
  return base::digest_of(std::string_view(dataset_record(dataset)));
}

std::string difference(Recipe const& a, Recipe const& b) {
  auto const tokenizer = [](Recipe const& recipe) { return recipe.byte_level ? "bytes" : "SentencePiece"; };
  if (a.byte_level != b.byte_level) return fmt::format("tokenizer {} and {}", tokenizer(a), tokenizer(b));
  if (a.given_tokenizer != b.given_tokenizer) return "the tokenizer";
  if (a.vocab != b.vocab) return fmt::format("vocab {} and {}", a.vocab, b.vocab);
  if (a.validation_fraction != b.validation_fraction) {
    return fmt::format("validation fraction {} and {}", a.validation_fraction, b.validation_fraction);
  }
  if (a.seed != b.seed) return fmt::format("seed {} and {}", a.seed, b.seed);
  if (a.sources.size() != b.sources.size()) {
    return fmt::format("{} and {} source files", a.sources.size(), b.sources.size());
  }
  for (std::size_t i = 0; i < a.sources.size(); ++i) {
    if (a.sources[i].name != b.sources[i].name) {
      return fmt::format("source file {} and {}", a.sources[i].name, b.sources[i].name);
    }
    if (a.sources[i].digest != b.sources[i].digest)
      return fmt::format("the content of {}", a.sources[i].name);
  }
  return {};
}

}  // namespace atl::data
