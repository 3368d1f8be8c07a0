// Messages and actions in words, for traces.
#pragma once

#include <string>

#include "protocol/site_machine.hpp"
#include "protocol/syncer_action.hpp"

namespace atl::sim {

std::string describe(protocol::Message const& message);
std::string describe(protocol::SiteAction const& action);
std::string describe(protocol::SyncerAction const& action);

}  // namespace atl::sim
