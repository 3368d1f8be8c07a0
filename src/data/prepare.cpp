#include "data/prepare.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <system_error>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "data/encoding.hpp"
#include "data/sentencepiece.hpp"
#include "data/survey.hpp"
#include "data/text_source.hpp"
#include "data/token_file.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

namespace fs = std::filesystem;

namespace {

constexpr char const* force_or_elsewhere = "add --force to replace it, or choose another folder";

// Keeps two preparations out of one folder, for as long as it lives.
class FolderLock {
 public:
  explicit FolderLock(fs::path const& folder) {
    std::error_code error;
    bool const is_new = fs::create_directories(folder, error);
    if (is_new) made_ = folder;
    if (!error && (::access(folder.c_str(), W_OK) != 0 ||
                   (file_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)) {
      error.assign(errno, std::generic_category());
    }
    if (error) {
      throw base::InputError(folder.string(), fmt::format("cannot be written to: {}", error.message()),
                             "choose another folder for --out");
    }
    // Other failures mean a file system without locks; there the user must take care himself.
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(file_);
      throw base::InputError(folder.string(), "another `atoll data prepare` is at work there",
                             "wait until it has ended");
    }
  }
  // What came to nothing leaves no empty folder of its own.
  ~FolderLock() {
    ::close(file_);
    if (!made_.empty()) ::rmdir(made_.c_str());
  }
  FolderLock(FolderLock const&) = delete;
  FolderLock& operator=(FolderLock const&) = delete;

 private:
  fs::path made_;  // by us; empty: it was there
  int file_ = -1;
};

bool lies_in(fs::path const& inner, fs::path const& outer) {
  std::error_code error;
  if (!fs::is_directory(outer, error)) return false;
  auto const path = fs::weakly_canonical(inner, error), folder = fs::weakly_canonical(outer, error);
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

bool can_be_opened(fs::path const& file) {
  std::error_code ignored;  // what cannot be looked at is no file for us
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), R_OK) == 0;
}

void check(PrepareOptions const& options) {
  std::vector<base::Problem> problems;
  if (options.out.empty()) problems.push_back({"--out", "names no folder", "name one for the dataset"});
  if (!options.byte_level && !has_sentencepiece()) problems.push_back(no_sentencepiece("the tokenizer"));
  if (!options.byte_level && (options.vocab < 1 || options.vocab > max_vocab)) {
    problems.push_back({"--vocab", fmt::format("{} pieces are not possible", options.vocab),
                        fmt::format("choose at most {}, as many as token files can tell apart", max_vocab)});
  }
  if (options.byte_level && !options.tokenizer.empty())
    problems.push_back({"--tokenizer", "and --bytes exclude each other", "give one of them"});
  if (!options.tokenizer.empty() && !can_be_opened(options.tokenizer)) {
    problems.push_back({"--tokenizer", fmt::format("{} cannot be opened", options.tokenizer.string()),
                        "name a tokenizer.model"});
  }
  if (!(options.validation_fraction > 0.0 && options.validation_fraction < 1.0)) {
    problems.push_back({"--validation-fraction",
                        fmt::format("{} is not a part of the text", options.validation_fraction),
                        "choose a number between 0 and 1, such as 0.01"});
  }
  for (auto const& source : options.sources) {
    if (lies_in(options.out, source)) {
      problems.push_back(
          {"--out",
           fmt::format("{} lies in {}, which holds the text: the dataset would become text itself",
                       options.out.string(), source),
           "choose a folder outside"});
    }
  }
  if (!problems.empty()) throw base::InputError(std::move(problems));
}

int vocab_of(PrepareOptions const& options) {
  if (options.byte_level) return load_tokenizer("bytes")->vocab_size();
  return options.tokenizer.empty() ? options.vocab : load_tokenizer(options.tokenizer)->vocab_size();
}

Recipe recipe_of(PrepareOptions const& options, std::vector<SourceFile> const& files) {
  Recipe recipe{.sources = {},
                .byte_level = options.byte_level,
                .given_tokenizer = options.tokenizer.empty() ? "" : file_digest(options.tokenizer).hex(),
                .vocab = vocab_of(options),
                .validation_fraction = options.validation_fraction,
                .seed = options.seed};
  for (auto const& file : files) {
    recipe.sources.push_back(
        {.name = file.name, .digest = file_digest(file.path), .text_bytes = 0, .replaced = {}});
  }
  return recipe;
}

// True where `out` holds the wanted dataset already. Throws where it holds anything else that would be lost.
bool is_up_to_date(Dataset const& wanted) {
  if (is_dataset(wanted.folder)) {
    auto const reason = difference(open_dataset(wanted.folder).recipe, wanted.recipe);
    if (reason.empty()) return true;
    throw base::InputError(wanted.folder.string(),
                           fmt::format("holds a dataset that was made otherwise ({}, there and now)", reason),
                           force_or_elsewhere);
  }
  for (auto const& file : {wanted.train_file(), wanted.validation_file(), wanted.folder / tokenizer_name}) {
    if (fs::exists(file)) {
      throw base::InputError(file.string(), "exists, but belongs to no finished dataset", force_or_elsewhere);
    }
  }
  return false;
}

// What a preparation that was killed left behind, under base::temporary_name(). The folder's lock keeps out
// those that are at work; where there are no locks, a living process' files are left alone.
void remove_abandoned(Dataset const& dataset) {
  for (auto const& ours : {dataset.train_file(), dataset.validation_file(), dataset.record_file(),
                           dataset.folder / tokenizer_name}) {
    auto const beginning = ours.filename().string() + ".tmp-";
    for (auto const& file : fs::directory_iterator(dataset.folder)) {
      auto const name = file.path().filename().string();
      if (!name.starts_with(beginning)) continue;
      pid_t process = 0;
      auto const* const last = name.data() + name.size();
      bool const is_number = std::from_chars(name.data() + beginning.size(), last, process).ptr == last;
      if (is_number && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) fs::remove(file.path());
    }
  }
}

// Puts everything in its place. Until here a dataset that is being replaced was whole; while there is no
// dataset.json the folder holds none.
void publish(Dataset const& dataset, std::string const& model, TokenFiles& output) {
  fs::remove(dataset.record_file());
  fs::remove(dataset.folder / tokenizer_name);
  output.train.finish();
  output.validation.finish();
  if (!model.empty()) base::publish_text(dataset.tokenizer(), model);
  base::publish_text(dataset.record_file(), dataset_record(dataset));
}

// 4 MB teach 2,048 pieces as much as 10 MB do (both 2.63 bytes per token, on GCIDE); more pieces need more.
std::size_t sample_bytes(int vocab) {
  return std::max<std::size_t>(4'000'000, 1000 * static_cast<std::size_t>(vocab));
}

}  // namespace

PrepareReport prepare(PrepareOptions const& options) {
  check(options);
  auto const [files, left_out] = find_sources(options.sources);
  FolderLock const lock(options.out);

  Dataset dataset;
  dataset.folder = options.out;
  remove_abandoned(dataset);
  dataset.recipe = recipe_of(options, files);
  if (!options.force && is_up_to_date(dataset)) return {open_dataset(options.out), true, left_out};

  auto const stage = [&](char const* name) {
    return [&options, name](double fraction) {
      if (options.progress) options.progress(name, fraction);
    };
  };
  auto const survey = survey_text(
      files, options.validation_fraction, options.seed,
      options.byte_level || !options.tokenizer.empty() ? 0 : sample_bytes(options.vocab), stage("reading"));
  std::uint64_t text_bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto& record = dataset.recipe.sources[i];
    record.text_bytes = survey.sources[i].text_bytes;
    record.replaced = survey.sources[i].replaced;
    text_bytes += record.text_bytes;
  }

  std::string model;
  if (!options.tokenizer.empty()) {
    model = base::read_text(options.tokenizer).value();
  } else if (!options.byte_level) {
    stage("training the tokenizer")(0.0);
    model = train_sentencepiece(survey.sample, options.vocab);
    dataset.sentencepiece_version = sentencepiece_version();
    stage("training the tokenizer")(1.0);
  }
  auto const make_tokenizer = [&] {
    return options.byte_level ? load_tokenizer("bytes") : load_sentencepiece(dataset.tokenizer(), model);
  };
  dataset.tokenizer_digest = make_tokenizer()->digest();

  TokenFiles output{TokenFileWriter(dataset.train_file()), TokenFileWriter(dataset.validation_file())};
  auto const text = encode_text(files, survey.split, make_tokenizer, text_bytes, stage("encoding"), output);
  dataset.train = text.train;
  dataset.validation = text.validation;
  publish(dataset, model, output);
  return {dataset, false, left_out};
}

}  // namespace atl::data
