// How what is left of a site comes together for its next life (protocol: §6).
#pragma once

#include <cstdint>

#include "comm/world.hpp"
#include "train/crew.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

// Whether a site of this job can lose ranks, or go wrong, and come back: where the others do without it
// meanwhile, and MPI too.
bool can_return(RunPlan const& plan);

// Collective over the ranks of the site that are left, whatever of it failed. Unless `sites.repair` is
// `shrink`, spares or new processes come in place of the lost ones. `next` is for those: of the site's next
// life, as this rank knows it; they all begin in the latest that any of them knows, which is returned.
std::uint64_t come_together(RunPlan const& plan, RunFolder const& folder, comm::World& world, Orders next);
// The same in one who has come by these orders, for the ranks that are missing yet.
std::uint64_t fall_in(RunPlan const& plan, RunFolder const& folder, comm::World& world, Orders const& orders);

}  // namespace atl::train
