#include "train/shared_moments.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "base/memory_archive.hpp"
#include "comm/site_layout.hpp"
#include "protocol/encoding.hpp"

namespace atl::train {

namespace {

constexpr std::size_t no_limit = std::size_t{1} << 40;

std::vector<std::byte> share_of(InnerStep const& inner) {
  base::Values values;
  base::MemoryWriter writer(values);
  inner.save_optimizer(writer);
  protocol::Encoder encoder(no_limit);
  encoder.put(values);
  return std::move(encoder).take();
}

}  // namespace

transport::Payload gather_moments(comm::Communicator const& site, InnerStep const& inner) {
  auto mine = inner.has_own_state() ? share_of(inner) : std::vector<std::byte>();
  auto all = std::make_shared<std::vector<std::byte>>();
  for (auto const& share : site.all_gather_each(std::move(mine)))
    all->insert(all->end(), share.begin(), share.end());
  return all;
}

void spread_moments(comm::Communicator const& site, transport::Payload const& leaders, InnerStep& inner) {
  std::uint64_t size = leaders ? leaders->size() : 0;
  site.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
  auto bytes = leaders ? *leaders : std::vector<std::byte>(size);
  site.broadcast(bytes, 0);

  protocol::Decoder decoder("donor's state", bytes);
  std::vector<base::Values> shares;
  while (!decoder.is_at_end()) decoder.get(shares.emplace_back());
  std::vector<std::unique_ptr<base::Reader>> readers;
  for (auto const& share : shares) readers.push_back(std::make_unique<base::MemoryReader>(share));
  inner.load_optimizer(readers);
}

std::size_t longest_moments_bytes(RunPlan const& plan) {
  constexpr std::size_t names = 4096;  // of values, for each share
  auto const sizes = comm::SiteLayout::site_sizes(plan.config);
  return 2 * sizeof(float) * plan.table.size() + names * static_cast<std::size_t>(std::ranges::max(sizes));
}

}  // namespace atl::train
