#include "train/inspect_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "train/tape_file.hpp"

namespace atl::train {

namespace {

// In steps; tokens are in the totals and in the JSON.
std::string line_of(protocol::AuditRow const& row) {
  auto const& ledger = row.row;
  return fmt::format("{:>4} {:>8} {:>9} {:>7} {:>7} {:>6} {:>11} {:>7} {:>8} {:>6}\n", row.site, row.fragment,
                     ledger.processed.steps, ledger.merged.steps, ledger.pending.steps, ledger.unsent.steps,
                     ledger.overwritten.steps, ledger.dropped.steps, ledger.rejected.steps, row.lost.steps);
}

constexpr char const* heading =
    "site fragment processed  merged pending unsent overwritten dropped rejected   lost\n";

}  // namespace

bool LedgerReport::is_sound() const {
  return std::ranges::all_of(lives, [](LifeAudit const& life) {
    return life.audit.findings.empty() && life.audit.imbalance() == 0;
  });
}

LedgerReport inspect_ledger(RunFolder const& folder) {
  LedgerReport report{.folder = folder, .lives = {}};
  auto const run = read_tapes(folder);
  protocol::Auditor auditor(run.front().config.outer.late_discount);
  for (auto const& life : run) {
    std::map<std::uint32_t, bool> has_left;  // by site: the last life of it
    for (auto const& story : life.sites) has_left[story.life.start.index] = story.has_left;
    bool const was_torn = !std::ranges::all_of(has_left, [](auto const& site) { return site.second; });
    report.lives.push_back({life.number, was_torn, auditor.audit(life.sites, life.shards)});
  }
  return report;
}

std::string describe(LedgerReport const& report) {
  auto const& last = report.lives.back();
  auto text = fmt::format("{}: {} {}, {} commits in the last{}; steps by where they went\n{}",
                          report.folder.root.string(), report.lives.size(),
                          report.lives.size() == 1 ? "life" : "lives", last.audit.versions.size(),
                          last.was_torn ? ", which was torn off" : "", heading);
  protocol::Work processed, merged;
  for (auto const& row : last.audit.rows) {
    text += line_of(row);
    processed += row.row.processed;
    merged += row.row.merged;
  }
  text += fmt::format("tokens    {} processed over all rows, {} of them merged\n", processed.tokens,
                      merged.tokens);
  std::uint64_t imbalance = 0;
  for (auto const& life : report.lives) {
    imbalance += life.audit.imbalance();
    for (auto const& version : life.audit.forgotten)
      text += fmt::format("life {}: {} was lost with its shard, and counts for nothing\n", life.life,
                          protocol::describe(protocol::TapeEntry(version)));
    for (auto const& finding : life.audit.findings) text += fmt::format("life {}: {}\n", life.life, finding);
  }
  return text + fmt::format("imbalance {}\n", imbalance);
}

}  // namespace atl::train
