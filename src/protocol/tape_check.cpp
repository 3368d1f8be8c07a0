#include "protocol/tape_check.hpp"

#include <fmt/format.h>

#include <utility>

namespace atl::protocol {

namespace {

// What tells two entries apart at a glance.
std::string essence(TapeEntry const& entry) {
  if (auto const* boundary = std::get_if<TapedBoundary>(&entry)) {
    return fmt::format("{} {}", boundary->step ? fmt::format("loss {}", boundary->step->loss) : "no step",
                       boundary->after.hex());
  }
  if (auto const* base = std::get_if<TapedBase>(&entry)) return base->base.hex();
  if (auto const* own = std::get_if<TapedParameters>(&entry)) return own->parameters.hex();
  if (auto const* version = std::get_if<TapedVersion>(&entry)) return version->theta.hex();
  return "something else";
}

}  // namespace

TapeCheck::TapeCheck(std::string who, std::vector<TapeEntry> expected, bool stops_at_first)
    : who_(std::move(who)), expected_(std::move(expected)), stops_at_first_(stops_at_first) {}

void TapeCheck::put(TapeEntry const& entry) {
  bool const is_over = compared_ >= expected_.size() || (stops_at_first_ && !differences_.empty());
  if (is_over || std::holds_alternative<TapedStart>(entry)) return;
  auto const& taped = expected_[compared_++];
  if (encode(taped) == encode(entry)) return;
  differences_.push_back(fmt::format("{}: {} (entry {}): {} on the tape, {} now", who_, describe(taped),
                                     compared_, essence(taped), essence(entry)));
}

std::vector<std::string> TapeCheck::differences() const {
  auto all = differences_;
  if (all.empty() && compared_ < expected_.size()) {
    all.push_back(fmt::format("{}: {} of {} entries were not reached, from {} on", who_,
                              expected_.size() - compared_, expected_.size(),
                              describe(expected_[compared_])));
  }
  return all;
}

std::vector<TapeEntry> first_boundaries(TapedLife const& site, std::size_t boundaries) {
  std::vector<TapeEntry> entries;
  for (auto const& entry : site.entries) {
    if (std::holds_alternative<TapedBoundary>(entry) && boundaries-- == 0) break;
    entries.push_back(entry);
  }
  return entries;
}

std::vector<TapeEntry> first_versions(TapedLife const& shard, std::size_t changes) {
  std::vector<TapeEntry> entries;
  for (auto const& version : shard.only<TapedVersion>()) entries.emplace_back(version);
  for (auto const& change : changes_of(shard)) {
    if (changes-- == 0) break;
    entries.emplace_back(made_by(change));
  }
  return entries;
}

}  // namespace atl::protocol
