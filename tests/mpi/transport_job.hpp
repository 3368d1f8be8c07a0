// A small world with a transport on every rank that talks, for the tests beside this file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "support/mpi.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::test {

inline transport::Peer shard(int index) { return {transport::Peer::Kind::shard, index}; }
inline transport::Peer site(int index) { return {transport::Peer::Kind::site, index}; }

// `shards` shards; the other ranks are sites of `site_ranks` each.
struct TransportJob {
  explicit TransportJob(int shards = 1, int site_ranks = 1);
  // Closes with everyone else.
  ~TransportJob();

  // Local. From here on this rank sends and receives.
  transport::MpiTransport& open(std::size_t max_payload_bytes = 1 << 26);
  transport::MpiTransport& open(transport::MpiTransport::Options const& options);
  // Likewise, of a rank that is not the first to lead its site.
  transport::MpiTransport& open_as_successor(transport::Introduction introduction);
  // Until something was lost, or too long has passed.
  std::vector<transport::Loss> await_loss(double patience_s = 5.0);
  transport::MpiTransport& operator*() { return *transport; }
  transport::MpiTransport* operator->() { return &*transport; }

  // Frames as they come in, until there are `count` of them or too long has passed.
  std::vector<transport::Frame> collect(std::size_t count, double patience_s = 5.0);

  comm::World world;
  std::optional<transport::MpiTransport> transport;
};

// As fp32.
transport::Payload payload_of(std::vector<float> const& values);
transport::Payload payload_of(std::size_t size, float value);
protocol::Contribution contribution(std::uint64_t round);
protocol::Release release(std::uint32_t fragment, std::uint64_t version);
protocol::Report report(int number);
int number_in(transport::Frame const& frame);  // of a report; -1: it is none

}  // namespace atl::test
