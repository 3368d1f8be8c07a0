// The two kinds of partner in the star, by role and number.
#pragma once

#include "transport/transport.hpp"

namespace atl::train {

inline transport::Peer shard_peer(int shard) { return {transport::Peer::Kind::shard, shard}; }
inline transport::Peer site_peer(int site) { return {transport::Peer::Kind::site, site}; }

}  // namespace atl::train
