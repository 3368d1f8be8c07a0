// Where every token of a run went, from its tapes alone.
#pragma once

#include <string>
#include <vector>

#include "protocol/auditor.hpp"
#include "train/run_folder.hpp"

namespace atl::train {

struct LifeAudit {
  std::uint64_t life = 0;
  bool was_torn = false;  // it did not come to its end
  protocol::Audit audit;
};

struct LedgerReport {
  RunFolder folder;
  std::vector<LifeAudit> lives;

  bool is_sound() const;  // every row balances, and nothing was found
};

// Throws InputError where there is no tape, or one is damaged.
LedgerReport inspect_ledger(RunFolder const& folder);

// The last life in lines for the console, and what was found in any.
std::string describe(LedgerReport const& report);

}  // namespace atl::train
