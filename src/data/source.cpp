#include "data/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

namespace fs = std::filesystem;

namespace {

// The deck says what the run expects of its data; the dataset says what it is.
std::vector<base::Problem> disagreements(Dataset const& dataset, CorpusOptions const& options) {
  std::vector<base::Problem> problems;
  auto const folder = dataset.folder.string();
  if (options.tokenizer == "bytes" && !dataset.recipe.byte_level) {
    problems.push_back({"data.tokenizer",
                        fmt::format("\"bytes\", but {} was made with a SentencePiece tokenizer", folder),
                        fmt::format("use \"{}\"", dataset.tokenizer())});
  } else if (options.tokenizer != "bytes" &&
             load_tokenizer(options.tokenizer)->digest() != dataset.tokenizer_digest) {
    problems.push_back({"data.tokenizer",
                        fmt::format("\"{}\" is not the tokenizer of {}", options.tokenizer, folder),
                        fmt::format("use \"{}\"", dataset.tokenizer())});
  }
  if (options.validation_fraction != dataset.recipe.validation_fraction) {
    problems.push_back({"data.validation_fraction",
                        fmt::format("{}, but {} was split with {}", options.validation_fraction, folder,
                                    dataset.recipe.validation_fraction),
                        "use that value, or prepare the data again"});
  }
  return problems;
}

TokenRange range_of(fs::path const& file, CorpusOptions const& options) {
  return whole_file(file, options.vocab).range;
}

// Where it does not agree with the deck, its token files are not looked at.
Source open_prepared(std::string const& path, CorpusOptions const& options) {
  auto dataset = open_dataset(path);
  if (auto problems = disagreements(dataset, options); !problems.empty())
    throw base::InputError(std::move(problems));
  return {.path = path,
          .train = range_of(dataset.train_file(), options),
          .validation = range_of(dataset.validation_file(), options),
          .dataset = std::move(dataset)};
}

Source open_file(std::string const& path, CorpusOptions const& options) {
  auto const whole = range_of(path, options);
  auto const context = static_cast<std::uint64_t>(options.context);
  auto const windows = static_cast<double>(whole.windows(context));
  auto const held_out = static_cast<std::uint64_t>(std::ceil(options.validation_fraction * windows));
  auto const cut = whole.tokens - std::min(held_out * context + 1, whole.tokens);
  return {.path = path,
          .train = {whole.file, 0, cut},
          .validation = {whole.file, cut, whole.tokens - cut},
          .dataset = {}};
}

// What cannot be looked at is not there.
bool is_there(fs::path const& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

bool source_exists(std::string const& path) { return is_there(path) || is_there(path + ".idx"); }

std::optional<NanogptFiles> nanogpt_files(fs::path const& folder) {
  NanogptFiles files{folder / "train.bin", folder / "val.bin"};
  if (is_dataset(folder) || !is_there(files.train) || !is_there(files.validation)) return std::nullopt;
  return files;
}

Source open_source(std::string const& path, CorpusOptions const& options) {
  if (is_dataset(path)) return open_prepared(path, options);
  if (auto const files = nanogpt_files(path)) {
    return {.path = path,
            .train = range_of(files->train, options),
            .validation = range_of(files->validation, options),
            .dataset = {}};
  }
  std::error_code ignored;
  bool const is_folder = fs::is_directory(path, ignored);
  if (!is_folder && source_exists(path)) return open_file(path, options);
  bool const may_hold_text = is_folder && !fs::is_empty(path, ignored);
  throw base::InputError(
      path,
      is_folder ? "holds no prepared dataset (no dataset.json), nor nanoGPT's train.bin and val.bin"
                : "there is no such folder or file",
      may_hold_text
          ? fmt::format("if it holds text, run `atoll data prepare {} --out data/NAME` and name data/NAME",
                        path)
          : fmt::format("run `atoll data prepare TEXT{} --out {}`, or name token files",
                        options.tokenizer == "bytes" ? " --bytes" : "", path));
}

}  // namespace atl::data
