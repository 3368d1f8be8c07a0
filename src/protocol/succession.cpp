#include "protocol/succession.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace atl::protocol {

namespace {

void add(Succession& all, TapedLife const& shard) {
  auto const number = shard.start.index;
  std::map<std::uint32_t, Tenure> own;  // the last of each fragment, so far
  auto const close = [&](Tenure& tenure) { all.tenures[tenure.first.fragment].push_back(std::move(tenure)); };
  auto const begin = [&](TapedVersion const& first, std::optional<Version> from) {
    if (auto before = own.extract(first.fragment)) close(before.mapped());
    own[first.fragment] = {.shard = number, .first = first, .from = from, .commits = {}};
  };
  for (auto const& entry : shard.entries) {
    if (auto const* begun = std::get_if<TapedVersion>(&entry)) begin(*begun, std::nullopt);
    if (auto const* taken = std::get_if<TapedTaken>(&entry)) begin(taken->taken, taken->from);
    auto const* commit = std::get_if<TapedCommit>(&entry);
    if (commit == nullptr) continue;
    if (auto const tenure = own.find(commit->made.fragment); tenure != own.end()) {
      tenure->second.commits.push_back(*commit);
    } else {
      all.findings.push_back(fmt::format("{}: not a fragment of shard {}", describe(entry), number));
    }
  }
  for (auto& [fragment, tenure] : own) close(tenure);
}

// From the last owner back: each stands as far as the one after it goes on from it.
void mark_standing(std::vector<Tenure>& tenures) {
  std::optional<Version> end;
  for (auto& tenure : std::views::reverse(tenures)) {
    tenure.is_void = end && end->term != tenure.first.version.term;
    if (tenure.is_void) continue;
    tenure.standing = static_cast<std::size_t>(std::ranges::count_if(
        tenure.commits, [&](TapedCommit const& commit) { return !end || commit.made.version <= *end; }));
    end = tenure.from;
  }
}

}  // namespace

Succession succession_of(std::span<TapedLife const> shards) {
  Succession all;
  for (auto const& shard : shards) add(all, shard);
  for (auto& [fragment, tenures] : all.tenures) {
    std::ranges::stable_sort(tenures, {}, [](Tenure const& each) { return each.first.version.term; });
    for (std::size_t i = 0; i + 1 < tenures.size(); ++i) {
      auto const& [one, other] = std::tie(tenures[i], tenures[i + 1]);
      if (one.first.version.term != other.first.version.term) continue;
      all.findings.push_back(
          fmt::format("fragment {}: shards {} and {} own it in one term", fragment, one.shard, other.shard));
    }
    mark_standing(tenures);
  }
  return all;
}

}  // namespace atl::protocol
