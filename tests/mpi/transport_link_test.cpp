// What is done to a link for trials: held up, cut off, damaged.
#include "base/clock.hpp"
#include "support/catch.hpp"
#include "transport_job.hpp"

using namespace atl;
using test::contribution;
using test::number_in;
using test::payload_of;
using test::release;
using test::report;
using test::TransportJob;

namespace {

constexpr std::size_t payload_floats = 25'000;  // 100 kB

transport::MpiTransport::Options over(transport::LinkModel link) {
  return {.max_payload_bytes = 1 << 20, .link = link};
}

// By kind of message: seconds from `begin_s` to its arrival.
struct Arrivals {
  std::vector<double> reports, bulk;
};

Arrivals collect_until(TransportJob& job, double begin_s, std::size_t reports, std::size_t bulk) {
  Arrivals seen;
  while ((seen.reports.size() < reports || seen.bulk.size() < bulk) && base::now_s() < begin_s + 10.0) {
    job->wait(0.1);
    for (auto const& frame : job->receive())
      (number_in(frame) >= 0 ? seen.reports : seen.bulk).push_back(base::now_s() - begin_s);
  }
  return seen;
}

}  // namespace

TEST_CASE("payloads take their time on a slow link, both ways, and control messages pass them",
          "[mpi][np2]") {
  TransportJob job;
  bool const is_site = test::rank() == 1;
  job.open(over(is_site ? transport::LinkModel{.bytes_per_s = 200e3} : transport::LinkModel{}));
  auto const other = is_site ? test::shard(0) : test::site(0);
  double const begin_s = base::now_s();
  for (std::uint32_t i = 0; i < 2; ++i) {
    if (is_site) {
      job->send(other, contribution(i), payload_of(payload_floats, 1.0f));
    } else {
      job->send(other, release(i, 1), payload_of(payload_floats, 1.0f));
    }
    job->send(other, report(static_cast<int>(i)));
  }
  auto const seen = collect_until(job, begin_s, 2, 2);
  REQUIRE(seen.reports.size() == 2);
  REQUIRE(seen.bulk.size() == 2);
  CHECK(seen.reports.back() < 0.4);
  CHECK(seen.bulk[0] > 0.45);
  CHECK(seen.bulk[1] > 0.95);
  CHECK(seen.bulk[1] < 3.0);
}

TEST_CASE("a delay holds what is sent, in order, and does not thin it out", "[mpi][np2]") {
  TransportJob job;
  bool const is_site = test::rank() == 1;
  job.open(over(is_site ? transport::LinkModel{.delay_s = 0.3} : transport::LinkModel{}));
  auto const other = is_site ? test::shard(0) : test::site(0);
  MPI_Barrier(job.world.control.get());
  double const begin_s = base::now_s();
  constexpr int count = 100;
  for (int i = 0; i < count; ++i) job->send(other, report(i));
  auto const frames = job.collect(count);
  double const took_s = base::now_s() - begin_s;
  REQUIRE(frames.size() == count);
  for (int i = 0; i < count; ++i) CHECK(number_in(frames[static_cast<std::size_t>(i)]) == i);
  CHECK(took_s > 0.25);
  CHECK(took_s < 2.0);
}

TEST_CASE("nothing comes or goes while a link is cut, and all of it afterwards", "[mpi][np2]") {
  TransportJob job;
  bool const is_site = test::rank() == 1;
  job.open(over({}));
  auto const other = is_site ? test::shard(0) : test::site(0);
  if (is_site) job->cut(0.5);
  MPI_Barrier(job.world.control.get());
  double const begin_s = base::now_s();
  job->send(other, report(1));
  job->send(other, report(2));
  auto const seen = collect_until(job, begin_s, 2, 0);
  REQUIRE(seen.reports.size() == 2);
  CHECK(seen.reports.front() > 0.3);
}

TEST_CASE("a flipped bit and numbers of another deck are refused by cause, and what follows is sound",
          "[mpi][np2]") {
  using Damage = transport::MpiTransport::Damage;
  TransportJob job;
  auto options = over({});
  options.agreement = 77;
  job.open(options);
  if (test::rank() == 1) {
    for (auto const damage : {Damage::flipped_bit, Damage::foreign, Damage::flipped_bit}) {
      job->damage_next(damage);
      job->send(test::shard(0), contribution(1), payload_of(1000, 1.0f));
    }
    job->send(test::shard(0), contribution(2), payload_of(1000, 2.0f));
  } else {
    auto const frames = job.collect(1);
    REQUIRE(frames.size() == 1);
    CHECK(std::get<protocol::Contribution>(frames[0].message).round == 2);
    CHECK(frames[0].payload->size() == 4000);
    CHECK(job->counters().refused_by_cause ==
          std::map<std::string, std::uint64_t>{{"payload of another deck or model", 1}, {"wrong digest", 2}});
  }
}
