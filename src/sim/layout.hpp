// The processes of a simulated run as numbers: sites first, then shards.
#pragma once

#include <string>

#include "protocol/quiet_point.hpp"

namespace atl::sim {

using Node = int;

struct Layout {
  int sites = 1;
  int shards = 1;

  int size() const { return sites + shards; }
  Node site(int index) const { return index; }
  Node shard(int index) const { return sites + index; }
  bool is_site(Node node) const { return node < sites; }
  int index_of(Node node) const { return is_site(node) ? node : node - sites; }
  Node owner_of(std::uint32_t fragment) const { return shard(static_cast<int>(fragment) % shards); }
  protocol::Participant participant(Node node) const {
    using Kind = protocol::Participant::Kind;
    return {is_site(node) ? Kind::site : Kind::shard, index_of(node)};
  }
  std::string name(Node node) const { return protocol::describe(participant(node)); }
};

}  // namespace atl::sim
