// Ranks of a site that took the same GPU, named before NCCL is asked, which refuses them without a word that
// helps.
#pragma once

#include <string>

#include "comm/communicator.hpp"

namespace atl::comm {

// The node's name and, in a line of its own, what tells it from another of that name.
std::string this_node();

// Collective over the site. `gpu`: this rank's, by what tells it from the others of its node (its PCI
// address). Throws InputError, the same on every rank, where two share one. Sites may share GPUs, ranks of a
// site may not.
void check_one_gpu_each(Communicator const& site, std::string const& gpu);

}  // namespace atl::comm
