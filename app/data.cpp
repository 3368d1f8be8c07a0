// atoll data prepare and atoll data inspect.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "base/exit_code.hpp"
#include "data/inspect.hpp"
#include "data/prepare.hpp"
#include "train/console.hpp"

namespace atl::app {

namespace {

using Json = nlohmann::ordered_json;

Json part(data::PartRecord const& record) {
  return {{"entries", record.entries},
          {"tokens", record.tokens},
          {"bytes", record.bytes},
          {"digest", record.digest.hex()}};
}

Json summary(data::Dataset const& dataset) {
  std::uint64_t replaced = 0;
  for (auto const& source : dataset.recipe.sources) replaced += source.replaced.count;
  return {{"folder", dataset.folder.string()},
          {"tokenizer", dataset.tokenizer()},
          {"vocab", dataset.vocab()},
          {"replaced_utf8", replaced},
          {"train", part(dataset.train)},
          {"validation", part(dataset.validation)},
          {"digest", data::digest_of(dataset).hex()}};
}

}  // namespace

int run_command(PrepareFlags const& flags) {
  bool const shows_progress = !flags.json && train::stdout_is_terminal();
  auto const report = data::prepare({.sources = flags.sources,
                                     .out = flags.out,
                                     .tokenizer = flags.tokenizer,
                                     .vocab = flags.vocab,
                                     .byte_level = flags.bytes,
                                     .validation_fraction = flags.validation_fraction,
                                     .seed = flags.seed,
                                     .force = flags.force,
                                     .progress = [&](std::string_view stage, double fraction) {
                                       if (!shows_progress) return;
                                       fmt::print("\r\033[K{} {:.0f} %", stage, 100.0 * fraction);
                                       std::fflush(stdout);
                                     }});
  if (shows_progress) fmt::print("\r\033[K");
  if (flags.json) {
    auto json = summary(report.dataset);
    json["up_to_date"] = report.up_to_date;
    json["left_out"] = report.left_out;
    fmt::print("{}\n", json.dump(2));
    return static_cast<int>(base::ExitCode::done);
  }
  for (auto const& file : report.left_out) fmt::print("{} is not text, and was left out\n", file);
  for (auto const& source : report.dataset.recipe.sources) {
    if (source.replaced.count == 0) continue;
    fmt::print("{}: {} invalid UTF-8 sequences replaced, the first at byte {}\n", source.name,
               source.replaced.count, source.replaced.first_offset);
  }
  auto const& dataset = report.dataset;
  fmt::print("{}{}: {} training tokens, {} validation tokens, vocabulary {}, {:.2f} bytes a token\n",
             dataset.folder.string(), report.up_to_date ? " is up to date" : "",
             data::in_millions(dataset.train.tokens), data::in_millions(dataset.validation.tokens),
             dataset.vocab(), dataset.bytes_per_validation_token());
  fmt::print(
      "to train on it: --set sites.data={} --set data.tokenizer={} --set data.validation_fraction={}\n",
      dataset.folder.string(), dataset.tokenizer(), dataset.recipe.validation_fraction);
  return static_cast<int>(base::ExitCode::done);
}

int run_command(InspectFlags const& flags) {
  auto const inspection = data::inspect(flags.path, flags.tokenizer);
  if (!flags.json) {
    fmt::print("{}", data::describe(inspection));
    return static_cast<int>(base::ExitCode::done);
  }
  Json json;
  if (inspection.dataset) json["dataset"] = summary(*inspection.dataset);
  for (auto const& file : inspection.files) {
    json["files"].push_back({{"file", file.file.string()},
                             {"format", data::name_of(file.layout.kind)},
                             {"bits", 8 * data::width_of(file.layout.ids)},
                             {"tokens", file.layout.tokens},
                             {"documents", file.layout.documents},
                             {"lowest_id", file.lowest_id},
                             {"highest_id", file.highest_id},
                             {"digest", file.digest.hex()},
                             {"first_tokens", file.first_tokens},
                             {"first_text", file.first_text}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
