#include "protocol/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace atl::protocol {

bool CutRecorder::begin(Marker const& marker, std::set<int> sites) {
  if (marker.id <= marker_.id) return false;
  marker_ = marker;
  is_open_ = true;
  awaited_ = std::move(sites);
  return true;
}

void CutRecorder::on_site_marker(int site, Marker const& marker) {
  if (marker.id == marker_.id && marker.bulk) awaited_.erase(site);
}

std::vector<SnapshotAction> Snapshot::begin(std::uint64_t step, std::set<Participant> everyone,
                                            double now_s) {
  if (is_open()) return {};
  marker_ = {.id = marker_.id + 1, .step = step};
  give_up_s_ = now_s + patience_s_;
  awaited_ = std::move(everyone);
  missing_.clear();
  files_.clear();
  return {BeginCut{marker_}};
}

std::vector<SnapshotAction> Snapshot::on_saved(Participant who, Saved const& saved) {
  if (saved.id != marker_.id || !awaited_.contains(who)) return {};
  if (!saved.failure.empty())
    return give_up(fmt::format("{} could not save: {}", describe(who), saved.failure));
  files_.insert(files_.end(), saved.files.begin(), saved.files.end());
  awaited_.erase(who);
  return seal_if_complete();
}

std::vector<SnapshotAction> Snapshot::on_lost(Participant who) {
  if (!is_open()) return {};
  if (who.kind == Participant::Kind::shard) return give_up(fmt::format("{} was lost", describe(who)));
  if (awaited_.erase(who) == 0) return {};
  missing_.push_back(who);
  return seal_if_complete();
}

std::vector<SnapshotAction> Snapshot::on_timer(double now_s) {
  if (!is_open() || now_s < give_up_s_) return {};
  return give_up(fmt::format("{:.0f} s have passed", patience_s_));
}

std::optional<double> Snapshot::next_timer_s() const {
  return is_open() ? std::optional(give_up_s_) : std::nullopt;
}

std::vector<SnapshotAction> Snapshot::seal_if_complete() {
  if (is_open()) return {};
  std::ranges::sort(files_, {}, &SavedFile::name);
  return {Seal{.step = marker_.step,
               .purpose = Purpose::checkpoint,
               .files = std::move(files_),
               .missing = std::move(missing_)}};
}

std::vector<SnapshotAction> Snapshot::give_up(std::string why) {
  if (!is_open()) return {};
  std::vector<Participant> const awaited(awaited_.begin(), awaited_.end());
  awaited_.clear();
  return {GiveUp{fmt::format("{}, and {} had not written", why, describe(awaited))}};
}

}  // namespace atl::protocol
