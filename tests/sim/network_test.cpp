// Channels: order, cuts, doubles, damage, and what a lost node leaves behind.
#include "sim/network.hpp"

#include <memory>

#include "support/catch.hpp"

using namespace atl;
using namespace atl::sim;
using protocol::Progress;
using protocol::Release;

namespace {

struct Wires {
  explicit Wires(LinkOptions options = {.latency_s = 1.0, .bytes_per_s = 1e6, .jitter = 3.0})
      : faults(layout.size()), network(layout, options, 5, events, faults) {}

  void report(std::uint64_t step, Node from = 0, Node to = 2) {
    network.send(from, to, Progress{.step = step});
  }
  void release(std::uint32_t fragment, std::uint64_t commits, std::size_t bytes = 100) {
    auto const payload = std::make_shared<std::vector<std::byte> const>(bytes);
    network.send(2, 0, Release{.fragment = fragment, .version = {0, commits}}, {payload, {}});
  }
  // All that arrives.
  std::vector<Frame> arrivals() {
    std::vector<Frame> all;
    while (!events.is_empty()) {
      auto const event = events.next();
      if (auto frame = network.arrive(event.who); frame && !frame->is_end) all.push_back(std::move(*frame));
    }
    return all;
  }
  std::vector<std::uint64_t> steps() {
    std::vector<std::uint64_t> steps;
    for (auto const& frame : arrivals()) steps.push_back(std::get<Progress>(frame.message).step);
    return steps;
  }
  Fault begin(Fault fault) {
    faults.begin(fault, events.now_s());
    return fault;
  }

  Layout layout{2, 1};  // two sites and shard 2
  EventQueue events;
  FaultBoard faults;
  Network network;
};

std::vector<std::uint64_t> upto(std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= last; ++i) all.push_back(i);
  return all;
}

}  // namespace

TEST_CASE("a channel keeps its order, whatever the jitter") {
  Wires wires;
  for (auto const step : upto(50)) wires.report(step);
  CHECK(wires.steps() == upto(50));
}

TEST_CASE("control overtakes bulk") {
  Wires wires({.latency_s = 0.1, .bytes_per_s = 100.0});
  wires.release(0, 1, 1000);
  wires.network.send(2, 0, protocol::Pull{});
  auto const all = wires.arrivals();
  REQUIRE(all.size() == 2);
  CHECK(std::holds_alternative<protocol::Pull>(all[0].message));
}

TEST_CASE("what meets a cut waits, and comes in order when that is mended") {
  Wires wires;
  auto const cut = wires.begin({.kind = FaultKind::partition, .node = 0});
  for (auto const step : upto(5)) wires.report(step);
  CHECK(wires.arrivals().empty());
  CHECK_FALSE(wires.network.is_idle());
  wires.faults.end(cut, wires.events.now_s());
  wires.network.release_held();
  CHECK(wires.steps() == upto(5));
  CHECK(wires.network.is_idle());
}

TEST_CASE("a frame that comes twice is taken once, a message that is sent twice is taken twice") {
  Wires wires;
  auto const twice = wires.begin({.kind = FaultKind::duplicate, .node = 0, .strength = 1.0});
  for (auto const step : upto(5)) wires.report(step);
  CHECK(wires.steps() == upto(5));
  CHECK(wires.network.refused() == 5);
  wires.faults.end(twice, 0.0);
  wires.begin({.kind = FaultKind::repeat, .node = 0, .strength = 1.0});
  wires.report(7);
  CHECK(wires.steps() == std::vector<std::uint64_t>{7, 7});
}

TEST_CASE("a damaged payload never arrives") {
  Wires wires;
  wires.begin({.kind = FaultKind::damage, .node = 0, .strength = 1.0});
  wires.release(0, 1);
  wires.report(1);  // has no payload
  CHECK(wires.steps() == upto(1));
}

TEST_CASE("a release that waits for its turn is replaced by a newer one of its fragment") {
  Wires wires({.latency_s = 0.1, .bytes_per_s = 10.0});
  for (std::uint64_t commits : {1, 2, 3}) wires.release(7, commits);
  wires.release(8, 1);
  std::vector<std::uint64_t> seen;
  for (auto const& frame : wires.arrivals()) seen.push_back(std::get<Release>(frame.message).version.commits);
  CHECK(seen == std::vector<std::uint64_t>{1, 3, 1});
}

TEST_CASE("of what a lost node had sent a beginning arrives, of what was sent to it nothing") {
  Wires wires({.latency_s = 1.0, .bytes_per_s = 1e6, .straggle_s = 50.0});
  for (auto const step : upto(20)) {
    wires.report(step);
    wires.report(100 + step, 2, 0);
  }
  wires.begin({.kind = FaultKind::loss, .node = 0});
  wires.network.lose(0);
  wires.report(200, 2, 0);
  auto const steps = wires.steps();
  CHECK(steps.size() <= 20);
  CHECK(steps == upto(steps.size()));
}

TEST_CASE("a peer does not reach a node's new life before it has heard from it") {
  Wires wires;
  wires.report(1);
  wires.arrivals();
  auto const loss = wires.begin({.kind = FaultKind::loss, .node = 0});
  wires.network.lose(0);
  wires.faults.end(loss, wires.events.now_s());
  wires.report(2, 2, 0);
  CHECK(wires.arrivals().empty());
  wires.report(3);
  CHECK(wires.arrivals().front().life == 2);
  wires.report(4, 2, 0);
  CHECK(wires.steps() == std::vector<std::uint64_t>{4});
}

TEST_CASE("coverage counts a message for every fault that it met") {
  Wires wires;
  wires.begin({.kind = FaultKind::slow, .node = 0, .strength = 2.0});
  wires.report(1);
  wires.report(1, 1, 2);
  wires.arrivals();
  auto const& row = wires.network.coverage()[protocol::Message(Progress{}).index()];
  CHECK(row[static_cast<std::size_t>(FaultKind::slow)] == 1);
  CHECK(row[static_cast<std::size_t>(FaultKind::stall)] == 0);
}

TEST_CASE("who asks for a state reaches whoever is there, not the life it heard last") {
  Wires wires;
  wires.report(1, 1, 0);
  wires.arrivals();
  wires.network.lose(1);
  wires.report(2, 0, 1);
  CHECK(wires.arrivals().empty());
  wires.network.send(0, 1, protocol::StateRequest{.site = 0});
  CHECK(wires.arrivals().size() == 1);
}
