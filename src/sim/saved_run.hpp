// A snapshot of a simulated run: what every process recorded, and the versions that led there.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/memory_archive.hpp"
#include "sim/happening.hpp"
#include "sim/shard_values.hpp"
#include "sim/site_values.hpp"

namespace atl::sim {

struct SavedSite {
  base::Values machine;
  SiteValues values;
  bool has_trained = false;  // in that life
};

struct SavedShard {
  struct InFlight {
    int site = 0;
    protocol::Contribution contribution;
    Parcel parcel;
  };
  base::Values machine;
  ShardValues values;
  std::vector<Parcel> held;  // in the order of SyncerMachine::held_members
  std::vector<InFlight> in_flight{};
};

// A version that shards made known, and what is merged in it.
struct MadeVersion {
  protocol::Commit commit;
  std::vector<StepSpan> holds{};  // of its members
  base::Digest theta{};
};

struct SavedRun {
  std::map<int, SavedSite> sites{};  // without those that were lost
  std::map<int, SavedShard> shards{};
  std::vector<MadeVersion> versions{};  // in the order they were made
};

// Where the processes of a run put what they record. Of runs without backups: a version is known when it is
// made.
class Vault {
 public:
  void see(Happening const& happening) {
    if (auto const* committed = std::get_if<Committed>(&happening)) {
      versions_.push_back({*committed->commit, {committed->holds.begin(), committed->holds.end()}});
    } else if (auto const* published = std::get_if<Published>(&happening)) {
      auto const is_it = [&](MadeVersion const& made) {
        return made.commit.fragment == published->fragment && made.commit.version == published->version;
      };
      auto found = std::ranges::find_if(versions_.rbegin(), versions_.rend(), is_it);
      if (found == versions_.rend()) {
        versions_.push_back({{.fragment = published->fragment, .version = published->version}});
        found = versions_.rbegin();
      }
      found->theta = published->theta;
    }
  }
  void open() { under_way_ = {}; }
  void put(int site, SavedSite saved) {
    under_way_.sites.erase(site);
    under_way_.sites.emplace(site, std::move(saved));
  }
  void put(int shard, SavedShard saved) {
    under_way_.shards.erase(shard);
    under_way_.shards.emplace(shard, std::move(saved));
  }
  void seal() {
    sealed_ = std::move(under_way_);
    sealed_->versions = versions_;
  }
  std::optional<SavedRun> const& sealed() const { return sealed_; }  // the last

 private:
  std::vector<MadeVersion> versions_;
  SavedRun under_way_;
  std::optional<SavedRun> sealed_;
};

}  // namespace atl::sim
