#include "data/corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "data/mixture.hpp"
#include "data/source_spec.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

namespace {

// Runs `action`; what it refuses is added to `problems`.
template <class Action>
void collect(std::vector<base::Problem>& problems, Action const& action) {
  try {
    action();
  } catch (base::InputError const& error) {
    problems.insert(problems.end(), error.problems().begin(), error.problems().end());
  }
}

// Too little text to train on, or to judge by.
std::vector<base::Problem> shortages(Corpus const& corpus, CorpusOptions const& options) {
  std::vector<base::Problem> problems;
  auto const context = static_cast<std::uint64_t>(options.context);
  for (auto const& source : corpus.sources) {
    if (source.train.windows(context) < static_cast<std::uint64_t>(options.sites)) {
      problems.push_back(
          {"sites.data",
           fmt::format("{} has {} training tokens, fewer than one sequence of {} for each site", source.path,
                       source.train.tokens, context),
           "give more text, or a shorter model.context"});
    }
    // As many as the mixture takes of it for a batch, or one more; a share such as 0.2 is not quite exact.
    auto const windows = static_cast<std::uint64_t>(std::ceil(source.share * options.batch - 1e-9));
    if (source.validation.windows(context) < windows) {
      problems.push_back({"sites.data",
                          fmt::format("{} has {} validation tokens, and one batch takes {}", source.path,
                                      source.validation.tokens, windows * context + 1),
                          fmt::format("{}, or {}",
                                      source.dataset ? "prepare it with a larger --validation-fraction"
                                                     : "use a larger data.validation_fraction",
                                      source.validation.windows(context) == 0 ? "shorten model.context"
                                                                              : "lower inner.batch")});
    }
    if (source.share * static_cast<double>(longest_mixture) < 1.0) {
      problems.push_back({"sites.data",
                          fmt::format("{} has a share of {:.2g}, less than 1/{}", source.path, source.share,
                                      longest_mixture),
                          "give it a larger weight, or leave it out"});
    }
  }
  return problems;
}

std::string content(TokenRange const& range) {
  return fmt::format("{} {}+{}", range.file->digest().hex(), range.first, range.tokens);
}

}  // namespace

std::vector<WeightedRange> Corpus::training() const {
  std::vector<WeightedRange> ranges;
  for (auto const& source : sources) ranges.push_back({source.train, source.share});
  return ranges;
}

std::vector<WeightedRange> Corpus::validation() const {
  std::vector<WeightedRange> ranges;
  for (auto const& source : sources) ranges.push_back({source.validation, source.share});
  return ranges;
}

std::uint64_t Corpus::train_tokens() const {
  std::uint64_t tokens = 0;
  for (auto const& source : sources) tokens += source.train.tokens;
  return tokens;
}

std::uint64_t Corpus::validation_tokens() const {
  std::uint64_t tokens = 0;
  for (auto const& source : sources) tokens += source.validation.tokens;
  return tokens;
}

double Corpus::bytes_per_validation_token() const {
  double bytes = 0.0;
  for (auto const& source : sources) {
    if (!source.dataset) return 0.0;
    bytes += source.share * source.dataset->bytes_per_validation_token();
  }
  return bytes;
}

base::Digest Corpus::digest() const {
  if (sources.size() == 1 && sources.front().dataset) return digest_of(*sources.front().dataset);
  std::string all;
  for (auto const& source : sources) {
    all += fmt::format("{} {} {}\n", source.share, content(source.train), content(source.validation));
  }
  return base::digest_of(std::string_view(all));
}

int vocabulary(std::string const& tokenizer, int model_vocab) {
  auto const own = load_tokenizer(tokenizer)->vocab_size();
  if (model_vocab != 0 && model_vocab < own) {
    throw base::InputError("model.vocab", fmt::format("{} is less than the tokenizer's {}", model_vocab, own),
                           "use 0 for the tokenizer's own");
  }
  if (model_vocab == 0 && own == 0) {
    throw base::InputError(
        "model.vocab", fmt::format("0 means the tokenizer's, and data.tokenizer is \"{}\"", tokenizer),
        "give the number of ids that the token files were made with, such as 50257 for GPT-2's");
  }
  return model_vocab != 0 ? model_vocab : own;
}

bool is_here(std::string const& entry) {
  return std::ranges::all_of(parse_source_spec(entry), source_exists, &SpecSource::path);
}

Corpus open_corpus(std::string const& entry, CorpusOptions const& options) {
  Corpus corpus;
  std::vector<base::Problem> problems;
  double sum = 0.0;
  for (auto const& [path, weight] : parse_source_spec(entry)) {
    collect(problems, [&, &path = path, &weight = weight] {
      auto& source = corpus.sources.emplace_back(open_source(path, options));
      // Without tokens there is no share; that there are none is said below.
      source.share = weight > 0.0 ? weight : std::max(static_cast<double>(source.train.tokens), 1.0);
      sum += source.share;
    });
  }
  for (auto& source : corpus.sources) source.share /= sum;
  if (problems.empty()) problems = shortages(corpus, options);
  if (!problems.empty()) throw base::InputError(std::move(problems));
  return corpus;
}

void check_digests(Corpus const& corpus) {
  std::vector<base::Problem> problems;
  for (auto const& source : corpus.sources) {
    if (source.dataset) collect(problems, [&] { check_digests(*source.dataset); });
  }
  if (!problems.empty()) throw base::InputError(std::move(problems));
}

std::string describe(Corpus const& corpus) {
  std::string text;
  for (auto const& source : corpus.sources) {
    text += text.empty() ? "" : " + ";
    text += source.path;
    if (corpus.sources.size() > 1) text += fmt::format(" ({:.3g} %)", 100.0 * source.share);
  }
  text += fmt::format(": {} training tokens, {} validation tokens", in_millions(corpus.train_tokens()),
                      in_millions(corpus.validation_tokens()));
  auto const bytes = corpus.bytes_per_validation_token();
  return bytes > 0.0 ? text + fmt::format(", {:.2f} bytes a token", bytes) : text;
}

}  // namespace atl::data
