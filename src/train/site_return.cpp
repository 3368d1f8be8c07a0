#include "train/site_return.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace atl::train {

namespace {

std::uint64_t latest(comm::Communicator const& site, std::uint64_t mine) {
  std::vector<std::uint64_t> all(static_cast<std::size_t>(site.size()));
  site.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  return *std::ranges::max_element(all);
}

std::uint64_t try_to_come_together(RunPlan const& plan, RunFolder const& folder, comm::World& world,
                                   Orders next) {
  if (world.site.size() > 1) world.site = world.site.survivors();
  next.incarnation = latest(world.site, next.incarnation);
  int const wanted = comm::SiteLayout::site_sizes(plan.config)[static_cast<std::size_t>(next.site)];
  int const missing = wanted - world.site.size();
  if (missing > 0 && plan.config.sites.repair != deck::Repair::shrink) {
    // Kept to the end: MPI must not free what a lost process would have to agree to.
    static std::vector<comm::Bridge> bridges;
    auto const& bridge =
        bridges.emplace_back(comm::recruit(world.site, missing, recruit_arguments(folder), to_text(next)));
    world.site = comm::merge(bridge);
  }
  world.here.rank = world.in_deck.rank = world.site.rank();
  base::log::info(fmt::format("site {} comes together with {} ranks", next.site, world.site.size()));
  return next.incarnation;
}

}  // namespace

bool can_return(RunPlan const& plan) {
  return plan.config.run.method == deck::Method::decoupled && comm::outlives_losses();
}

std::uint64_t come_together(RunPlan const& plan, RunFolder const& folder, comm::World& world, Orders next) {
  for (;;) {
    try {
      return try_to_come_together(plan, folder, world, next);
    } catch (comm::ProcessLost const& another) {
      base::log::info(fmt::format("site {} lost another rank meanwhile: {}", next.site, another.what()));
    }
  }
}

}  // namespace atl::train
