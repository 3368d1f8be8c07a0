#include "train/site_return.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/waiting.hpp"

namespace atl::train {

namespace {

// What each of them brings.
struct Left {
  std::uint64_t incarnation = 0;  // the next, as it knows
  bool knows_shards = false;
};

std::vector<Left> gather(comm::Communicator const& site, Left const& mine) {
  std::vector<Left> all(static_cast<std::size_t>(site.size()));
  site.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  return all;
}

// Who comes goes on with this itself: spares come one by one.
void fill_up(RunPlan const& plan, RunFolder const& folder, comm::World& world, Orders const& next) {
  int const whole = comm::SiteLayout::site_sizes(plan.config)[static_cast<std::size_t>(next.site)];
  while (world.site.size() < whole && plan.config.sites.repair != deck::Repair::shrink) {
    // Kept to the end: MPI must not free what a lost process would have to agree to.
    static std::vector<comm::Bridge> bridges;
    auto const who = wanted(plan, folder, whole - world.site.size());
    world.set_site(comm::merge(bridges.emplace_back(comm::recruit(world.site, who, to_text(next)))));
  }
  base::log::info(fmt::format("site {} comes together with {} ranks", next.site, world.site.size()));
}

std::uint64_t try_to_come_together(RunPlan const& plan, RunFolder const& folder, comm::World& world,
                                   Orders next) {
  if (world.site.size() > 1) world.set_site(world.site.survivors());
  auto const all = gather(world.site, {next.incarnation, !world.shard_ranks.empty()});
  // The shards begin the site anew; whom these would call could not lead either.
  if (!all.front().knows_shards)
    throw base::Interrupted("nobody who could lead what is left of the site knows the shards");
  next.incarnation = std::ranges::max(all, {}, &Left::incarnation).incarnation;
  fill_up(plan, folder, world, next);
  return next.incarnation;
}

}  // namespace

bool can_return(RunPlan const& plan) {
  return plan.config.run.method == deck::Method::decoupled && comm::outlives_losses();
}

std::uint64_t come_together(RunPlan const& plan, RunFolder const& folder, comm::World& world, Orders next) {
  base::Waiting const waiting("the coming together of the site");
  for (;;) {
    try {
      return try_to_come_together(plan, folder, world, next);
    } catch (comm::ProcessLost const& another) {
      base::log::info(fmt::format("site {} lost another rank meanwhile: {}", next.site, another.what()));
    }
  }
}

std::uint64_t fall_in(RunPlan const& plan, RunFolder const& folder, comm::World& world,
                      Orders const& orders) {
  auto next = orders;
  next.shards.clear();
  try {
    fill_up(plan, folder, world, next);
    return next.incarnation;
  } catch (comm::ProcessLost const& another) {
    base::log::info(fmt::format("site {} lost another rank meanwhile: {}", next.site, another.what()));
    return come_together(plan, folder, world, next);
  }
}

}  // namespace atl::train
