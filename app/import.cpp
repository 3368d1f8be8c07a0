// atoll import: a Hugging Face model as a folder that atoll takes wherever it takes a checkpoint.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/new_folder.hpp"
#include "base/durable_file.hpp"
#include "base/exit_code.hpp"
#include "base/log.hpp"
#include "data/corpus.hpp"
#include "data/tokenizer.hpp"
#include "deck/deck.hpp"
#include "interop/hugging_face.hpp"
#include "train/trained_model.hpp"

namespace atl::app {

namespace {

constexpr char const* tokenizer_name = "tokenizer.model";

// What --tokenizer says; else the model's own, if it is one that keeps every text as it is; else "none".
std::string choose_tokenizer(ImportFlags const& flags) {
  if (!flags.tokenizer.empty()) return flags.tokenizer;
  auto const own = std::filesystem::path(flags.model) / tokenizer_name;
  if (!std::filesystem::exists(own)) return "none";
  try {
    data::load_tokenizer(own.string());
    return own.string();
  } catch (base::InputError const& error) {
    base::log::warn(fmt::format("the model's tokenizer is left out: {}", error.what()));
    return "none";
  }
}

// A deck of this model and nothing else: no sites, no fragments, no text of its own.
deck::RunConfig config_of(ImportFlags const& flags, deck::ModelSection const& model,
                          std::string const& tokenizer) {
  deck::RunConfig config;
  config.run.method = deck::Method::data_parallel;
  config.sites.count = 1;
  config.sites.data = {"none"};
  config.model = model;
  config.data.tokenizer = tokenizer;
  config.inner.batch = 1;
  config.outer.fragments = 1;
  return deck::parse(deck::echo(config), fmt::format("{}, as a deck", flags.model), {});
}

}  // namespace

int run_command(ImportFlags const& flags) {
  interop::HuggingFaceModel const source(flags.model);
  auto const tokenizer = choose_tokenizer(flags);
  data::vocabulary(tokenizer, source.model().vocab);
  bool const is_file = data::load_tokenizer(tokenizer)->name() == "sentencepiece";
  auto const config = config_of(flags, source.model(), is_file ? tokenizer_name : tokenizer);
  auto const table = train::parameter_table(config);
  std::vector<float> parameters(table.size());
  source.read(table, parameters);

  std::filesystem::path const out = flags.out;
  make_new_folder(out);
  if (is_file) base::publish_text(out / tokenizer_name, base::read_text(tokenizer).value());
  train::write_model(out, config, table, parameters);
  if (flags.json) {
    nlohmann::ordered_json const json = {
        {"folder", out.string()}, {"parameters", table.size()}, {"tokenizer", config.data.tokenizer}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}: {:.2f} M parameters, tokenizer {}, from {}\n", out.string(),
               static_cast<double>(table.size()) / 1e6, config.data.tokenizer, flags.model);
  }
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
