// What the transport promises while all is well.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "support/catch.hpp"
#include "transport/frame.hpp"
#include "transport_job.hpp"

using namespace atl;
using test::contribution;
using test::payload_of;
using test::release;
using test::report;
using test::TransportJob;

TEST_CASE("the frames of a lane arrive in the order they were sent", "[mpi][np2]") {
  TransportJob job;
  job.open();
  unsigned const bulk = 12;
  int const control = 300;
  if (test::rank() == 1) {
    for (unsigned i = 0; i < bulk; ++i) job->send(test::shard(0), contribution(i), payload_of(1000, 1.0f));
    for (int i = 0; i < control; ++i) job->send(test::shard(0), report(i));
  } else {
    std::vector<int> reports;
    std::vector<std::uint64_t> rounds;
    for (auto const& frame : job.collect(bulk + control)) {
      if (auto const* gradient = std::get_if<protocol::Contribution>(&frame.message)) {
        rounds.push_back(gradient->round);
      } else {
        reports.push_back(test::number_in(frame));
      }
    }
    CHECK(reports.size() == control);
    CHECK(std::ranges::is_sorted(reports));
    CHECK(rounds.size() == bulk);
    CHECK(std::ranges::is_sorted(rounds));
  }
}

TEST_CASE("control overtakes payloads that are on their way", "[mpi][np2]") {
  TransportJob job;
  job.open();
  if (test::rank() == 1) {
    job->send(test::shard(0), contribution(1), payload_of(16'000'000, 1.0f));
    job->send(test::shard(0), report(1));
  } else {
    auto const frames = job.collect(2);
    REQUIRE(frames.size() == 2);
    CHECK(test::number_in(frames[0]) == 1);
  }
}

TEST_CASE("a large payload arrives whole, and its wire bytes are all its bytes", "[mpi][np2]") {
  TransportJob job;
  job.open();
  std::vector<float> values(10'000'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 8191);
  auto const sent = release(2, 9);
  bool is_right = true;
  if (test::rank() == 0) {
    job->send(test::site(0), sent, payload_of(values));
  } else {
    auto const frames = job.collect(1);
    is_right = frames.size() == 1 && frames[0].from == test::shard(0) &&
               frames[0].message == protocol::Message(sent) && *frames[0].payload == *payload_of(values) &&
               frames[0].wire_bytes == transport::header_bytes + protocol::encode(sent).size() + 40'000'000;
  }
  REQUIRE(test::all_ranks(is_right));
}

TEST_CASE("a payload need not be made of whole words", "[mpi][np2]") {
  TransportJob job;
  job.open();
  std::size_t const bytes = GENERATE(1u, 3u, 70'001u);
  auto const payload = std::make_shared<std::vector<std::byte> const>(bytes, std::byte{0x5a});
  bool is_right = true;
  if (test::rank() == 1) {
    job->send(test::shard(0), contribution(1), payload);
  } else {
    auto const frames = job.collect(1);
    is_right =
        frames.size() == 1 && *frames[0].payload == *payload &&
        frames[0].wire_bytes == transport::header_bytes + protocol::encode(contribution(1)).size() + bytes;
  }
  REQUIRE(test::all_ranks(is_right));
}

TEST_CASE("a control message may be as long as the protocol allows", "[mpi][np2]") {
  TransportJob job;
  job.open();
  protocol::Report const longest{std::string(protocol::max_message_bytes - 100, 'x')};
  if (test::rank() == 1) {
    job->send(test::shard(0), longest);
    job->send(test::shard(0), report(2));
  } else {
    auto const frames = job.collect(2);
    REQUIRE(frames.size() == 2);
    CHECK(std::get<protocol::Report>(frames[0].message) == longest);
    CHECK(test::number_in(frames[1]) == 2);
  }
}

TEST_CASE("leaders talk to every shard, shards to every leader and to one another", "[mpi][np5]") {
  TransportJob job(2);
  job.open();
  bool const is_shard = test::rank() < 2;
  std::vector<transport::Peer> peers;
  if (is_shard) {
    peers = {test::shard(1 - test::rank()), test::site(0), test::site(1), test::site(2)};
  } else {
    peers = {test::shard(0), test::shard(1)};
  }
  for (auto const peer : peers) {
    job->send(peer, report(test::rank()));
    job->send(peer, release(0, static_cast<std::uint64_t>(test::rank())), payload_of(5000, 1.0f));
  }
  std::size_t right = 0;
  for (auto const& frame : job.collect(2 * peers.size())) {
    int const sender =
        frame.from.kind == transport::Peer::Kind::shard ? frame.from.index : 2 + frame.from.index;
    auto const* parameters = std::get_if<protocol::Release>(&frame.message);
    if ((parameters ? static_cast<int>(parameters->version.commits) : test::number_in(frame)) == sender)
      ++right;
  }
  CHECK(right == 2 * peers.size());
  auto const stranger = is_shard ? test::site(3) : test::shard(2);
  CHECK_THROWS_AS(job->send(stranger, report(1)), base::RuntimeFailure);
}

TEST_CASE("what a site has for another a shard passes on", "[mpi][np4]") {
  TransportJob job(2);
  job.open();
  if (test::rank() == 3) {
    job->send(test::site(0), protocol::StateRequest{.site = 1, .incarnation = 2});
    auto const answer = job.collect(1);
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].from == test::site(0));
    CHECK(answer[0].message == protocol::Message(protocol::StateData{.incarnation = 2, .step = 9}));
    CHECK(*answer[0].payload == *payload_of(100'000, 3.0f));
  } else if (test::rank() == 2) {
    auto const asked = job.collect(1);
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].from == test::site(1));
    job->send(asked[0].from, protocol::StateData{.incarnation = 2, .step = 9}, payload_of(100'000, 3.0f));
  } else {
    CHECK(job.collect(1, 0.3).empty());  // it is not for a shard
  }
}

TEST_CASE("bytes are counted by kind of message on both sides", "[mpi][np2]") {
  TransportJob job;
  job.open();
  protocol::Message const message = contribution(1);
  if (test::rank() == 1) {
    job->send(test::shard(0), message, payload_of(100, 1.0f));
    job->send(test::shard(0), report(7));
    job.collect(1);  // the answer
    auto const counters = job->counters();
    CHECK(counters.frames_sent == 2);
    CHECK(counters.frames_received == 1);
    CHECK(counters.bytes_sent_by_kind[message.index()] ==
          transport::header_bytes + protocol::encode(message).size() + 400);
    CHECK(counters.bytes_sent == counters.bytes_sent_by_kind[message.index()] + transport::header_bytes +
                                     protocol::encode(report(7)).size());
  } else {
    auto const frames = job.collect(2);
    auto const counters = job->counters();
    CHECK(counters.frames_received == 2);
    CHECK(counters.bytes_received == frames.at(0).wire_bytes + frames.at(1).wire_bytes);
    CHECK(counters.bytes_received_by_kind[message.index()] ==
          transport::header_bytes + protocol::encode(message).size() + 400);
    job->send(test::site(0), protocol::Welcome{});
  }
}

TEST_CASE("wait ends with the first arrival, or with its time", "[mpi][np2]") {
  TransportJob job;
  job.open();
  if (test::rank() == 0) {
    double const begin_s = base::now_s();
    job->wait(0.2);
    CHECK(base::now_s() - begin_s >= 0.19);
    CHECK(job->receive().empty());
    job->send(test::site(0), protocol::Welcome{});
    double const asked_s = base::now_s();
    job->wait(20.0);
    CHECK(base::now_s() - asked_s < 2.0);
    CHECK(job->receive().size() == 1);
  } else if (job.collect(1).size() == 1) {
    job->send(test::shard(0), report(1));
  }
}

TEST_CASE("payloads wait with their senders while nobody collects them", "[mpi][np2]") {
  TransportJob job;
  job.open();
  std::size_t const sent = 20;
  if (test::rank() == 1) {
    for (std::size_t i = 0; i < sent; ++i) job->send(test::shard(0), contribution(1), payload_of(1000, 1.0f));
    job->send(test::shard(0), report(1));
  } else {
    // Eight payloads, and the report, which did not wait behind the others.
    double const give_up_s = base::now_s() + 5.0;
    while (job->counters().frames_received < 9 && base::now_s() < give_up_s) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(job->counters().frames_received == 9);
    CHECK(job.collect(sent + 1).size() == sent + 1);
  }
}

TEST_CASE("close lets everything arrive first", "[mpi][np2]") {
  TransportJob job;
  job.open();
  std::size_t const sent = 100;
  if (test::rank() == 1) {
    for (std::size_t i = 0; i < sent; ++i) job->send(test::shard(0), report(1));
    job->send(test::shard(0), contribution(1), payload_of(1u << 20, 1.0f));
    job->close(5.0);
    CHECK_THROWS_AS(job->send(test::shard(0), report(1)), base::RuntimeFailure);
  } else {
    CHECK(job.collect(sent + 1).size() == sent + 1);
  }
}

TEST_CASE("an idle transport takes little of a core", "[mpi][np2]") {
  TransportJob job;
  job.open();
  test::all_ranks(true);
  std::clock_t const begin = std::clock();
  job->wait(1.0);
  double const cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  REQUIRE(test::all_ranks(cpu_s < 0.2));  // one that spins takes all of it
}
