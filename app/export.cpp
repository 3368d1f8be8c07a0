// atoll export: the parameters of a checkpoint as a folder that Hugging Face's transformers loads.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/new_folder.hpp"
#include "base/durable_file.hpp"
#include "base/exit_code.hpp"
#include "data/tokenizer.hpp"
#include "interop/hugging_face.hpp"
#include "train/trained_model.hpp"

namespace atl::app {

namespace {

// Lays the tokenizer beside the model where it is a file; returns the ids that generation needs to know.
interop::SpecialTokens export_tokenizer(std::string const& name, std::filesystem::path const& out) {
  auto const tokenizer = data::load_tokenizer(name);
  if (tokenizer->name() == "none") return {};
  if (tokenizer->name() == "sentencepiece") {
    base::publish_text(out / "tokenizer.model", base::read_text(name).value());
    // Ours begins every entry with its first token, and adds no space in front.
    nlohmann::ordered_json const config = {{"tokenizer_class", "LlamaTokenizer"},
                                           {"legacy", false},
                                           {"add_bos_token", true},
                                           {"add_eos_token", false},
                                           {"add_prefix_space", false},
                                           {"clean_up_tokenization_spaces", false},
                                           {"bos_token", "<s>"},
                                           {"eos_token", nullptr},
                                           {"unk_token", "<unk>"}};
    base::publish_text(out / "tokenizer_config.json", config.dump(2) + '\n');
  }
  return {.begin = static_cast<int>(tokenizer->bos_id()), .end = {}};
}

}  // namespace

int run_command(ExportFlags const& flags) {
  auto const trained = train::load_model(flags.checkpoint);
  std::filesystem::path const out = flags.out;
  make_new_folder(out);
  auto const special = export_tokenizer(trained.config.data.tokenizer, out);
  interop::write_hugging_face(out, trained.config.model, trained.table, trained.parameters,
                              {.max_file_bytes = flags.shard_mb << 20, .special = special});
  if (flags.json) {
    nlohmann::ordered_json const json = {{"checkpoint", trained.folder.string()},
                                         {"step", trained.step},
                                         {"folder", out.string()},
                                         {"parameters", trained.table.size()}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}: step {}, {:.2f} M parameters, from {}\n", out.string(), trained.step,
               static_cast<double>(trained.table.size()) / 1e6, trained.folder.string());
  }
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
