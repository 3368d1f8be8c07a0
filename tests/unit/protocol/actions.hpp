// Picking actions of one kind out of what a machine returned.
#pragma once

#include <variant>
#include <vector>

#include "protocol/syncer_machine.hpp"

namespace atl::test {

// All actions of type T, in order.
template <class T, class Action>
std::vector<T> only(std::vector<Action> const& actions) {
  std::vector<T> found;
  for (auto const& action : actions) {
    if (auto const* match = std::get_if<T>(&action)) found.push_back(*match);
  }
  return found;
}

// All messages of type T that are sent to a site, in order.
template <class T>
std::vector<T> sent(std::vector<protocol::SyncerAction> const& actions, int site) {
  std::vector<T> found;
  for (auto const& send : only<protocol::SendToSite>(actions)) {
    auto const* match = std::get_if<T>(&send.message);
    if (match && send.site == site) found.push_back(*match);
  }
  return found;
}

}  // namespace atl::test
