// The two kinds of partner in the star, by role and number.
#pragma once

#include <memory>
#include <vector>

#include "transport/transport.hpp"

namespace atl::train {

inline transport::Peer shard_peer(int shard) { return {transport::Peer::Kind::shard, shard}; }
inline transport::Peer site_peer(int site) { return {transport::Peer::Kind::site, site}; }

// What goes by the bulk lane has a payload.
inline transport::Payload marker_payload(protocol::Marker const& marker) {
  return marker.bulk ? std::make_shared<std::vector<std::byte> const>(1) : nullptr;
}

}  // namespace atl::train
