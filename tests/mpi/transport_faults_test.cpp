// What the transport promises while something is wrong: damaged frames, and peers that stand still.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "support/catch.hpp"
#include "transport/mpi/wire.hpp"
#include "transport_job.hpp"

using namespace atl;
using test::contribution;
using test::payload_of;
using test::release;
using test::report;
using test::TransportJob;
using transport::FrameHeader;

namespace {

using Bytes = std::vector<std::byte>;

// A sender without a transport: it puts on the wire what it likes.
struct RawSender {
  MPI_Comm comm;
  std::uint64_t sequence = 0;

  void send_first(Bytes const& bytes) const {
    MPI_Ssend(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, 0, transport::tag_first, comm);
  }
  void send_rest(Bytes const& payload) const {
    MPI_Ssend(payload.data(), static_cast<int>(payload.size()), MPI_BYTE, 0, transport::tag_rest, comm);
  }
  // The first message of a sound frame, which the caller may spoil.
  Bytes first_of(protocol::Message const& message, Bytes const& payload) {
    auto const body = protocol::encode(message);
    FrameHeader header{.kind = transport::FrameKind::message,
                       .body_bytes = static_cast<std::uint32_t>(body.size()),
                       .sequence = sequence++,
                       .payload_bytes = payload.size()};
    header.digest = transport::frame_digest(header, body, payload);
    auto const head = transport::encode_header(header);
    Bytes first(head.size() + body.size());
    std::ranges::copy(body, std::ranges::copy(head, first.begin()).out);
    return first;
  }
  void send_farewell() {
    FrameHeader header{.kind = transport::FrameKind::farewell, .sequence = sequence++};
    header.digest = transport::frame_digest(header, {}, {});
    auto const head = transport::encode_header(header);
    send_first(Bytes(head.begin(), head.end()));
  }
  // Takes the shard's farewell, so that it can close.
  void receive_farewell() const {
    Bytes bytes(transport::first_bytes);
    MPI_Recv(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, 0, transport::tag_first, comm,
             MPI_STATUS_IGNORE);
  }
};

// Stops a process of this machine for the life of the object.
struct Stopped {
  explicit Stopped(pid_t process) : pid(process) {
    ::kill(pid, SIGSTOP);
    while (state() != 'T')
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // it may still have run
  }
  ~Stopped() { ::kill(pid, SIGCONT); }
  Stopped(Stopped const&) = delete;
  Stopped& operator=(Stopped const&) = delete;
  char state() const {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string const line{std::istreambuf_iterator<char>(file), {}};
    auto const end_of_name = line.rfind(") ");
    return end_of_name == std::string::npos ? 'T' : line[end_of_name + 2];  // who is gone runs no more
  }
  pid_t pid;
};

std::vector<int> numbers_in(std::vector<transport::Frame> const& frames) {
  std::vector<int> numbers;
  for (auto const& frame : frames) numbers.push_back(test::number_in(frame));
  return numbers;
}

}  // namespace

TEST_CASE("damaged and unknown control frames are counted and dropped, and what follows them arrives",
          "[mpi][np2]") {
  TransportJob job;
  if (test::rank() == 1) {
    RawSender raw{job.world.control.get()};
    raw.send_first(Bytes(100, std::byte{0x55}));  // not a frame
    raw.send_first(Bytes(3));                     // shorter than a header
    raw.send_first(Bytes(1 << 20));               // longer than any first message
    raw.send_first(raw.first_of(report(1), {}));  // sound
    auto spoilt = raw.first_of(report(2), {});
    spoilt.back() ^= std::byte{1};
    raw.send_first(spoilt);  // wrong digest
    spoilt = raw.first_of(report(3), {});
    spoilt.push_back(std::byte{0});
    raw.send_first(spoilt);  // longer than it says
    auto const repeated = raw.first_of(report(4), {});
    raw.send_first(repeated);                     // sound
    raw.send_first(repeated);                     // again
    raw.send_first(raw.first_of(report(5), {}));  // sound
    RawSender bulk{job.world.bulk.get()};
    raw.send_farewell();
    bulk.send_farewell();
    raw.receive_farewell();
    bulk.receive_farewell();
  } else {
    job.open();
    CHECK(numbers_in(job.collect(3)) == std::vector{1, 4, 5});
    job->close(5.0);
    CHECK(job->counters().frames_refused == 6);
    CHECK(job->counters().frames_received == 3);
  }
}

TEST_CASE("a payload whose header made no sense is thrown away, and the next one is not taken for it",
          "[mpi][np2]") {
  TransportJob job;
  Bytes const payload(1'200'000, std::byte{2});
  if (test::rank() == 1) {
    RawSender raw{job.world.bulk.get()};
    auto const send = [&](Bytes const& first, Bytes const& rest) {
      raw.send_first(first);
      raw.send_rest(rest);
    };
    auto spoilt = raw.first_of(contribution(1), payload);
    spoilt[0] ^= std::byte{1};
    send(spoilt, payload);                                  // no frame, with a rest
    send(raw.first_of(contribution(2), payload), payload);  // sound
    Bytes const too_long(1 << 22, std::byte{3});
    send(raw.first_of(contribution(3), too_long), too_long);  // above the limit
    Bytes other = payload;
    other[123456] = std::byte{4};
    send(raw.first_of(contribution(4), payload), other);  // wrong digest
    other.pop_back();
    send(raw.first_of(contribution(5), payload), other);     // shorter than announced
    send(raw.first_of(contribution(6), payload), too_long);  // longer than announced
    send(raw.first_of(report(7), payload), payload);         // a message that has no payload
    send(raw.first_of(contribution(8), payload), payload);   // sound
    RawSender control{job.world.control.get()};
    raw.send_farewell();
    control.send_farewell();
    raw.receive_farewell();
    control.receive_farewell();
  } else {
    job.open(/*max_payload_bytes=*/2'000'000);
    auto const frames = job.collect(2);
    REQUIRE(frames.size() == 2);
    CHECK(std::get<protocol::Contribution>(frames[0].message).round == 2);
    CHECK(std::get<protocol::Contribution>(frames[1].message).round == 8);
    CHECK(*frames[0].payload == payload);
    CHECK(*frames[1].payload == payload);
    job->close(5.0);
    CHECK(job->counters().frames_refused == 6);
  }
}

TEST_CASE("releases that still wait are replaced by a newer whole one of their fragment", "[mpi][np2]") {
  TransportJob job;
  if (test::rank() == 0) {
    job.open();
    job->send(test::site(0), release(0, 1), payload_of(70000, 1.0f));
    while (job->counters().frames_sent == 0) ::usleep(1000);  // it has started
    for (std::uint64_t version = 2; version <= 5; ++version) {
      for (std::uint32_t fragment : {0u, 1u}) {
        job->send(test::site(0), release(fragment, version), payload_of(70000, 1.0f));
      }
    }
    for (std::uint32_t fragment : {2u, 3u}) {
      job->send(test::site(0), release(fragment, 1), payload_of(1000, 1.0f));
      for (std::uint64_t version : {2u, 3u}) {
        auto difference = release(fragment, version);
        difference.since = protocol::Version{0, version - 1};
        job->send(test::site(0), difference, payload_of(100, 1.0f));
      }
    }
    job->send(test::site(0), release(3, 4), payload_of(1000, 1.0f));
    job->send(test::site(0), report(1));  // replaces nothing
    job->send(test::site(0), report(2));
    test::all_ranks(true);
  } else {
    test::all_ranks(true);  // all is queued; only what came first has started
    job.open();
    std::vector<std::vector<std::uint64_t>> versions(4);
    std::vector<int> reports;
    for (auto const& frame : job.collect(9)) {
      auto const* parameters = std::get_if<protocol::Release>(&frame.message);
      if (parameters) {
        versions[parameters->fragment].push_back(parameters->version.commits);
      } else {
        reports.push_back(test::number_in(frame));
      }
    }
    CHECK(reports == std::vector{1, 2});
    CHECK(versions[1] == std::vector<std::uint64_t>{5});
    CHECK(versions[0] == std::vector<std::uint64_t>{1, 5});
    CHECK(versions[2] == std::vector<std::uint64_t>{1, 2, 3});
    CHECK(versions[3] == std::vector<std::uint64_t>{4});
  }
  REQUIRE(test::all_ranks(true));
}

TEST_CASE("a peer that stands still delays nobody, and gets everything when it goes on", "[mpi][np3]") {
  TransportJob job;
  job.open();
  pid_t pids[3] = {0, 0, 0};
  pid_t const mine = ::getpid();
  MPI_Allgather(&mine, 1, MPI_INT, pids, 1, MPI_INT, job.world.control.get());
  int const control = 1500;
  std::uint32_t const bulk = 6;
  int const round_trips = 50;
  if (test::rank() == 0) {
    {
      Stopped const stopped(pids[2]);
      for (int i = 0; i < control; ++i) job->send(test::site(1), report(i));
      for (std::uint32_t i = 0; i < bulk; ++i) {
        job->send(test::site(1), release(i, 1), payload_of(1u << 20, 1.0f));
      }
      double const begin_s = base::now_s();
      int answers = 0;
      for (int i = 0; i < round_trips; ++i) {
        job->send(test::site(0), report(i));
        auto const frames = job.collect(1);
        if (!frames.empty() && test::number_in(frames[0]) == i) ++answers;
      }
      job->send(test::site(0), release(0, 1), payload_of(1u << 20, 1.0f));
      answers += static_cast<int>(job.collect(1).size());
      CHECK(answers == round_trips + 1);
      // Of what the stopped peer does not take, one frame of each lane is inside MPI and the rest with us.
      CHECK(job->counters().frames_sent <= static_cast<std::uint64_t>(round_trips) + 1 + 2);
      CHECK(base::now_s() - begin_s < 2.0);
    }
    CHECK(job.collect(1).size() == 1);  // what the stopped peer has to say at the end
  } else if (test::rank() == 1) {
    for (int answered = 0; answered < round_trips + 1;) {
      auto const frames = job.collect(1);
      if (frames.empty()) break;
      for (auto const& frame : frames) {
        job->send(test::shard(0), report(test::number_in(frame)));
        ++answered;
      }
    }
  } else {
    auto const frames = job.collect(static_cast<std::size_t>(control) + bulk, 10.0);
    std::vector<int> reports;
    std::size_t releases = 0;
    for (auto const& frame : frames) {
      if (frame.payload) {
        ++releases;
      } else {
        reports.push_back(test::number_in(frame));
      }
    }
    CHECK(reports.size() == control);
    CHECK(std::ranges::is_sorted(reports));
    CHECK(releases == bulk);
    job->send(test::shard(0), report(1));
  }
}

TEST_CASE("close gives up at its time what a peer does not take", "[mpi][np2]") {
  TransportJob job;
  if (test::rank() == 0) {
    job.open();
    job->send(test::site(0), report(1));
    job->send(test::site(0), report(2));
    job->send(test::site(0), release(0, 1), payload_of(1u << 20, 1.0f));
    double const begin_s = base::now_s();
    job->close(0.3);
    double const took_s = base::now_s() - begin_s;
    CHECK(took_s >= 0.29);
    CHECK(took_s < 1.5);
    test::all_ranks(true);
  } else {
    test::all_ranks(true);
  }
}
