// The inner moments of a whole site as one payload, for a site that heals.
#pragma once

#include "comm/communicator.hpp"
#include "train/inner_step.hpp"
#include "transport/transport.hpp"

namespace atl::train {

// Collective over the site. Every rank's share of the moments, one after the other, on every rank.
transport::Payload gather_moments(comm::Communicator const& site, InnerStep const& inner);

// Collective over the site. Every rank takes its share of what its leader holds; other ranks pass nothing.
// Throws RuntimeFailure or InputError where they are not the moments of this model and optimizer.
void spread_moments(comm::Communicator const& site, transport::Payload const& leaders, InnerStep& inner);

// No such payload is longer.
std::size_t longest_moments_bytes(RunPlan const& plan);

}  // namespace atl::train
