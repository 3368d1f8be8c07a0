#include "outer/version_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.hpp"
#include "outer/blocks.hpp"

namespace atl::outer {

namespace {

std::string version_name(std::uint64_t commits) { return fmt::format("version_{}", commits); }

}  // namespace

void VersionHistory::keep(std::uint64_t commits, Release release) {
  while (!versions_.empty() && versions_.back().commits >= commits) versions_.pop_back();
  versions_.push_back({commits, std::move(release)});
  while (versions_.front().commits + max_staleness_ < commits) versions_.pop_front();
}

void VersionHistory::shift(std::uint64_t base, std::span<float> delta) const {
  auto const from = std::ranges::find(versions_, base, &Version::commits);
  base::ensure(from != versions_.end(),
               "the base of a contribution is among the versions that are remembered");
  base::ensure(from->release->size() == encoded_bytes(codec_, delta.size()),
               "a contribution has the size of its base");
  std::span<std::byte const> const old_bytes = *from->release;
  std::span<std::byte const> const new_bytes = *versions_.back().release;
  std::array<float, block_elements> before;
  std::array<float, block_elements> now;
  for_each_block({0, delta.size()}, [&](tensor::Range block) {
    auto const begin = encoded_bytes(codec_, block.offset);
    auto const bytes = encoded_bytes(codec_, block.size);
    decode(codec_, old_bytes.subspan(begin, bytes), std::span(before).first(block.size));
    decode(codec_, new_bytes.subspan(begin, bytes), std::span(now).first(block.size));
    float* const out = delta.data() + block.offset;
    for (std::size_t i = 0; i < block.size; ++i) out[i] += now[i] - before[i];
  });
}

void VersionHistory::save(base::Writer& writer, std::size_t count) const {
  std::vector<std::uint64_t> older;
  std::vector<float> room;
  for (auto const& [commits, release] : versions_) {
    if (commits == versions_.back().commits) break;
    older.push_back(commits);
    writer.write(version_name(commits), decoded(codec_, *release, count, room));
  }
  writer.write("older", older);
}

void VersionHistory::load(base::Reader const& reader, std::size_t count) {
  versions_.clear();
  std::vector<float> theta(count);
  for (auto const commits : reader.read_uints("older")) {
    reader.read(version_name(commits), theta);
    versions_.push_back({commits, std::make_shared<std::vector<std::byte> const>(encode(codec_, theta))});
  }
}

}  // namespace atl::outer
