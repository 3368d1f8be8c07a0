#include "train/run_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "data/tokenizer.hpp"
#include "deck/deck.hpp"

namespace atl::train {

std::filesystem::path RunFolder::tape(protocol::Participant who) const {
  bool const is_site = who.kind == protocol::Participant::Kind::site;
  return root / "tape" / fmt::format("{}_{}.tape", is_site ? "site" : "shard", who.index);
}

void create(RunFolder const& folder, deck::RunConfig const& config) {
  if (std::filesystem::exists(folder.root)) {
    throw base::InputError(folder.root.string(), "a run of this name exists, and runs are never overwritten",
                           "add --resume to continue it, or give this one another name: --set run.name=...");
  }
  reopen(folder, config);
}

void reopen(RunFolder const& folder, deck::RunConfig const& config) {
  std::error_code error;
  std::filesystem::create_directories(folder.root / "log", error);
  if (!error) std::filesystem::create_directories(folder.checkpoints(), error);
  if (!error) std::filesystem::create_directories(folder.root / "tape", error);
  if (!error && ::access(folder.root.c_str(), W_OK) != 0) error.assign(errno, std::generic_category());
  if (error) {
    throw base::InputError(folder.root.string(), fmt::format("cannot be written to: {}", error.message()),
                           "start atoll in a folder that you may write to");
  }
  base::publish_text(folder.deck(), deck::echo(config));
  if (data::load_tokenizer(config.data.tokenizer)->name() == "sentencepiece")
    base::publish_text(folder.tokenizer(), base::read_text(config.data.tokenizer).value());
}

void write_status(RunFolder const& folder, Status const& status) {
  nlohmann::ordered_json const json{{"outcome", status.outcome},
                                    {"exit_code", static_cast<int>(status.exit_code)},
                                    {"step", status.step},
                                    {"checkpoint", status.checkpoint},
                                    {"checkpoint_failure", status.checkpoint_failure}};
  base::publish_text(folder.status(), json.dump(2) + "\n");
}

namespace {

std::string said_in_status(RunFolder const& folder, char const* key) {
  auto const text = base::read_text(folder.status());
  if (!text) return "";
  auto const json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json.value(key, "") : "";
}

}  // namespace

std::string read_outcome(RunFolder const& folder) { return said_in_status(folder, "outcome"); }
std::string last_checkpoint(RunFolder const& folder) { return said_in_status(folder, "checkpoint"); }

}  // namespace atl::train
