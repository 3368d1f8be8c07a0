#include "train/tape_check.hpp"

#include <fmt/format.h>

#include <utility>

namespace atl::train {

namespace {

// What tells two entries apart at a glance.
std::string essence(protocol::TapeEntry const& entry) {
  if (auto const* boundary = std::get_if<protocol::TapedBoundary>(&entry)) {
    return fmt::format("{} {}", boundary->step ? fmt::format("loss {}", boundary->step->loss) : "no step",
                       boundary->after.hex());
  }
  if (auto const* base = std::get_if<protocol::TapedBase>(&entry)) return base->base.hex();
  if (auto const* own = std::get_if<protocol::TapedParameters>(&entry)) return own->parameters.hex();
  if (auto const* version = std::get_if<protocol::TapedVersion>(&entry)) return version->theta.hex();
  return "something else";
}

}  // namespace

TapeCheck::TapeCheck(std::string who, std::vector<protocol::TapeEntry> expected, bool stops_at_first)
    : who_(std::move(who)), expected_(std::move(expected)), stops_at_first_(stops_at_first) {}

void TapeCheck::put(protocol::TapeEntry const& entry) {
  bool const is_over = compared_ >= expected_.size() || (stops_at_first_ && !differences_.empty());
  if (is_over || std::holds_alternative<protocol::TapedStart>(entry)) return;
  auto const& taped = expected_[compared_++];
  if (protocol::encode(taped) == protocol::encode(entry)) return;
  differences_.push_back(fmt::format("{}: {} (entry {}): {} on the tape, {} now", who_,
                                     protocol::describe(taped), compared_, essence(taped), essence(entry)));
}

std::vector<std::string> TapeCheck::differences() const {
  auto all = differences_;
  if (all.empty() && compared_ < expected_.size()) {
    all.push_back(fmt::format("{}: {} of {} entries were not reached, from {} on", who_,
                              expected_.size() - compared_, expected_.size(),
                              protocol::describe(expected_[compared_])));
  }
  return all;
}

}  // namespace atl::train
