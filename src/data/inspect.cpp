#include "data/inspect.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <span>

#include "data/source.hpp"
#include "data/token_file.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

namespace {

constexpr std::uint64_t tokens_shown = 64;
constexpr std::size_t sources_shown = 10;

TokenFileReport report_on(std::filesystem::path const& path, Tokenizer const* tokenizer) {
  TokenFile const file(path, tokenizer == nullptr ? 0 : tokenizer->vocab_size(), Coverage::whole);
  TokenFileReport report{.file = file.path(),
                         .layout = file.layout(),
                         .lowest_id = file.lowest_id(),
                         .highest_id = file.highest_id(),
                         .digest = file.digest(),
                         .first_tokens = std::vector<Token>(std::min(tokens_shown, file.size())),
                         .first_text = {}};
  file.read(0, report.first_tokens);
  if (tokenizer != nullptr) report.first_text = tokenizer->decode(report.first_tokens);
  return report;
}

// The text with a margin, so that it stands out and its own indentation can be seen.
std::string quoted(std::string const& text) {
  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    auto const end = std::min(text.find('\n', at), text.size());
    lines += fmt::format("    | {}\n", text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string describe(PartRecord const& part) {
  return fmt::format("{} tokens, {} entries, {} bytes of text ({:.3f} bytes per token)", part.tokens,
                     part.entries, part.bytes,
                     static_cast<double>(part.bytes) / static_cast<double>(part.tokens));
}

std::string describe(Dataset const& dataset) {
  auto const& recipe = dataset.recipe;
  auto const share = static_cast<double>(dataset.validation.bytes) /
                     static_cast<double>(dataset.train.bytes + dataset.validation.bytes);
  std::string text = fmt::format("dataset     {}\n", dataset.folder.string());
  for (auto const& source : std::span(recipe.sources).first(std::min(sources_shown, recipe.sources.size()))) {
    text += fmt::format("source      {}: {} bytes of text, digest {}\n", source.name, source.text_bytes,
                        source.digest.hex());
    if (source.replaced.count > 0) {
      text += fmt::format("            {} invalid UTF-8 sequences replaced by U+FFFD, the first at byte {}\n",
                          source.replaced.count, source.replaced.first_offset);
    }
  }
  if (recipe.sources.size() > sources_shown) {
    text += fmt::format("            and {} more, which {} names\n", recipe.sources.size() - sources_shown,
                        record_name);
  }
  auto const origin = recipe.given_tokenizer.empty() ? dataset.sentencepiece_version : "(given)";
  text += recipe.byte_level ? fmt::format("tokenizer   bytes, vocab {}\n", recipe.vocab)
                            : fmt::format("tokenizer   SentencePiece {}, vocab {}, digest {}\n", origin,
                                          recipe.vocab, dataset.tokenizer_digest.hex());
  text += fmt::format("training    {}\n", describe(dataset.train));
  text += fmt::format("validation  {}, {:.2f} % of the text\n", describe(dataset.validation), 100.0 * share);
  text +=
      fmt::format("options     validation fraction {}, seed {}\n", recipe.validation_fraction, recipe.seed);
  return text + fmt::format("digest      {}\n", digest_of(dataset).hex());
}

std::string describe(TokenFileReport const& report) {
  auto const& layout = report.layout;
  std::string text = fmt::format("token file  {}\n", report.file.string());
  text += fmt::format("  format    {}: {} tokens of {} bits", name_of(layout.kind), layout.tokens,
                      8 * width_of(layout.ids));
  text += layout.documents > 0 ? fmt::format(" in {} documents\n", layout.documents) : "\n";
  text += fmt::format("  ids       {} .. {}\n", report.lowest_id, report.highest_id);
  text += fmt::format("  digest    {}\n", report.digest.hex());
  auto const shown =
      std::span(report.first_tokens).first(std::min<std::size_t>(16, report.first_tokens.size()));
  text +=
      fmt::format("  begins    {}{}\n", fmt::join(shown, " "), shown.size() < layout.tokens ? " ..." : "");
  return text + quoted(report.first_text);
}

}  // namespace

Inspection inspect(std::filesystem::path const& path, std::string const& tokenizer) {
  std::unique_ptr<Tokenizer> decoder;
  if (!tokenizer.empty()) decoder = load_tokenizer(tokenizer);
  Inspection inspection{.dataset = {}, .files = {}};
  std::vector<std::filesystem::path> files = {path};
  std::error_code ignored;
  if (auto const nanogpt = nanogpt_files(path)) {
    files = {nanogpt->train, nanogpt->validation};
  } else if (std::filesystem::is_directory(path, ignored)) {
    auto const dataset = open_dataset(path);
    check_digests(dataset);
    if (!decoder) decoder = load_tokenizer(dataset.tokenizer());
    files = {dataset.train_file(), dataset.validation_file()};
    inspection.dataset = dataset;
  }
  for (auto const& file : files) inspection.files.push_back(report_on(file, decoder.get()));
  return inspection;
}

std::string describe(Inspection const& inspection) {
  std::string text;
  if (inspection.dataset) text += describe(*inspection.dataset);
  for (auto const& file : inspection.files) text += describe(file);
  return text;
}

}  // namespace atl::data
