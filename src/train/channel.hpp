// What the two kinds of run share in talking outward: peers by role, and the names of files and logs.
#pragma once

#include <string>

#include "transport/transport.hpp"

namespace atl::train {

inline transport::Peer shard_peer(int shard) { return {transport::Peer::Kind::shard, shard}; }
inline transport::Peer site_peer(int site) { return {transport::Peer::Kind::site, site}; }

inline std::string shard_file(int shard) { return "shard_" + std::to_string(shard) + ".h5"; }
inline std::string site_file(int site) { return "site_" + std::to_string(site) + ".h5"; }

}  // namespace atl::train
