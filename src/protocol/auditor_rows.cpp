// The rows of an audit: every site's books against the shards'.
#include <tuple>
#include <utility>

#include "protocol/auditor.hpp"

namespace atl::protocol {

namespace {

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }
std::uint64_t distance(Work const& a, Work const& b) {
  return distance(a.steps, b.steps) + distance(a.tokens, b.tokens);
}

// How far `value` is outside [low, low + room].
std::uint64_t excess(std::uint64_t value, std::uint64_t low, std::uint64_t room) {
  if (value < low) return low - value;
  return value - low > room ? value - low - room : 0;
}

Work sum_of_parts(LedgerRow const& row) {
  Work sum;
  for (Work const& part : {row.merged, row.pending, row.unsent, row.overwritten, row.dropped, row.rejected})
    sum += part;
  return sum;
}

}  // namespace

std::uint64_t Audit::imbalance() const {
  std::uint64_t sum = 0;
  for (auto const& row : rows) sum += row.imbalance;
  return sum;
}

// A site's last life, and of those before it what was merged: all else that they had is lost with them.
void Auditor::draw_up_rows(Books& books) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, AuditRow> rows;
  std::map<std::uint32_t, Book> current;  // by site
  for (auto const& story : books.sites) {
    auto const site = story.life.start.index;
    auto const book = current[site] = book_of(site, story.life.start.incarnation);
    for (std::uint32_t p = 0; p < story.rows_before.size(); ++p) {
      auto& audited = rows[{site, p}];
      auto const& row = audited.row = story.machine.ledger(static_cast<int>(p));
      // Where it was torn off it may not have heard of its last merges: they are pending there.
      Work const committed = books.committed[p][book];
      audited.imbalance += distance(row.processed, sum_of_parts(row)) +
                           excess(committed.steps, row.merged.steps, row.pending.steps) +
                           excess(committed.tokens, row.merged.tokens, row.pending.tokens);
      auto const& before = story.rows_before[p].processed;
      auto& ever = processed_.try_emplace({site, p}, before).first->second;
      ever += row.processed;
      ever -= before;
    }
  }
  for (auto& [of, audited] : rows) {
    std::tie(audited.site, audited.fragment) = of;
    for (auto const& [book, work] : books.committed[audited.fragment]) {
      if (book.first != audited.site) continue;
      audited.committed += work;
      if (book != current[audited.site]) audited.row.merged += work;
    }
    audited.lost = audited.row.processed = processed_[of];
    auto const told = sum_of_parts(audited.row);
    if (told.steps <= audited.lost.steps && told.tokens <= audited.lost.tokens) {
      audited.lost -= told;
    } else {
      audited.imbalance += distance(told, std::exchange(audited.lost, {}));
    }
    books.result.rows.push_back(audited);
  }
}

}  // namespace atl::protocol
