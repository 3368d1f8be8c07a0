// Releases on their way from a site's leader to its other ranks.
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "comm/loss.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"
#include "support/session.hpp"
#include "train/release_relay.hpp"

using namespace atl;

namespace {

constexpr protocol::PayloadHandle handle = 7;
constexpr std::size_t elements = 1000;

train::RunPlan one_fragment() {
  std::vector<tensor::TensorSpec> specs{{"a", tensor::Kind::vector, elements, 1}};
  return {.table = tensor::ParamTable(std::move(specs), std::vector<int>{0}, 1)};
}

// Nothing leaves the site here.
struct Nowhere final : transport::Transport {
  void send(transport::Peer, protocol::Message, transport::Payload) override {}
  std::vector<transport::Frame> receive() override { return {}; }
  std::vector<transport::Loss> losses() override { return {}; }
  bool reaches(transport::Peer) override { return false; }
  void wait(double) override {}
  void close(double) override {}
  transport::Counters counters() const override { return {}; }
};

// Holds one release.
struct Leader final : train::SiteChannel {
  using SiteChannel::SiteChannel;
  transport::Payload const& payload(protocol::PayloadHandle) override { return held; }
  transport::Payload const held =
      std::make_shared<std::vector<std::byte> const>(elements * sizeof(float), std::byte{42});
};

struct Rank {
  std::vector<protocol::SiteEvent> pass(std::vector<protocol::SiteEvent> told) {
    return relay.pass(std::move(told), /*can_wait=*/true, leaders());
  }
  std::vector<protocol::SiteEvent> begin() { return pass({protocol::HeldRelease{{.fragment = 0}, handle}}); }
  void look_until_it_is_here() {
    while (!relay.here().contains(handle)) {
      relay.look();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  train::SiteChannel* leaders() { return test::rank() == 0 ? &leader : nullptr; }

  train::RunPlan plan = one_fragment();
  comm::Communicator site = comm::Communicator::duplicate(MPI_COMM_WORLD);
  Nowhere transport;
  Leader leader{plan, transport};
  train::ReleaseRelay relay{plan, site};
};

}  // namespace

TEST_CASE("a release is with every rank before the boundary at which it is heard of", "[mpi][np3]") {
  Rank rank;
  CHECK(test::all_ranks(rank.begin().empty()));
  rank.look_until_it_is_here();
  CHECK(test::all_ranks(*rank.relay.here().at(handle).theta == *rank.leader.held));
  CHECK(test::all_ranks(rank.pass({}).size() == 1));
  CHECK(test::all_ranks(*rank.relay.payload(handle, 0, rank.leaders()) == *rank.leader.held));
  rank.relay.discard(handle);
  CHECK(test::all_ranks(rank.relay.here().empty()));
}

TEST_CASE("what some have and others lack when a site gives up travels again to all", "[mpi][np3]") {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  Rank rank;
  rank.begin();
  if (test::rank() == 0) rank.look_until_it_is_here();
  REQUIRE(test::all_ranks(true));
  rank.relay.give_up();
  rank.site = rank.site.survivors();
  CHECK(test::all_ranks(rank.pass({}).size() == 1));
  CHECK(test::all_ranks(*rank.relay.payload(handle, 0, rank.leaders()) == *rank.leader.held));
}
