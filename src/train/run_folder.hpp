// runs/<name>/: everything a run writes, and nothing elsewhere.
#pragma once

#include <filesystem>
#include <string>

#include "base/exit_code.hpp"
#include "data/dataset.hpp"
#include "deck/config.hpp"
#include "protocol/quiet_point.hpp"

namespace atl::train {

struct RunFolder {
  std::filesystem::path root;

  explicit RunFolder(std::string const& name) : root(std::filesystem::path("runs") / name) {}

  std::filesystem::path deck() const { return root / "deck.toml"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  std::filesystem::path log(std::string const& who) const { return root / "log" / (who + ".log"); }
  std::filesystem::path checkpoints() const { return root / "checkpoints"; }
  // Of a process: "tape/site_0.tape".
  std::filesystem::path tape(protocol::Participant who) const;
  // Faults by the deck, as they were done.
  std::filesystem::path chaos() const { return root / "chaos.jsonl"; }
  // Of a rank, where --profile asks for it.
  std::filesystem::path profile(std::string const& who) const { return root / "profile" / (who + ".json"); }
  std::filesystem::path spares() const { return root / "spares"; }  // see comm/spares.hpp
  std::filesystem::path status() const { return root / "status.json"; }
  // The run's own copy, where its tokenizer is a file: the folder may be moved, and the text go.
  std::filesystem::path tokenizer() const { return root / data::tokenizer_name; }
};

// How a run ended, as status.json has it.
struct Status {
  std::string outcome;  // "running", "done", "stopped", "failed"
  base::ExitCode exit_code = base::ExitCode::runtime_failure;
  std::uint64_t step = 0;               // the clock
  std::string checkpoint;               // the newest complete set; empty: none
  std::string checkpoint_failure = {};  // why the last one could not be written; empty: it was
  bool is_running() const { return outcome == "running"; }
};

// Creates the folder of a new run and writes its resolved deck and tokenizer. Throws InputError where a run
// of that name exists (it is never overwritten) or the folder cannot be made.
void create(RunFolder const& folder, deck::RunConfig const& config);

// Makes the folder of an existing run ready to go on: what is missing in it, and the resolved deck as it is
// now.
void reopen(RunFolder const& folder, deck::RunConfig const& config);

// Renamed into place, so that it is either the old one or the new one.
void write_status(RunFolder const& folder, Status const& status);
// "" where there is none.
std::string read_outcome(RunFolder const& folder);
std::string last_checkpoint(RunFolder const& folder);

}  // namespace atl::train
