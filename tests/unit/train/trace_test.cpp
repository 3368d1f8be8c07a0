#include "train/trace.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::train;

namespace {

using Json = nlohmann::json;

TraceOptions options(test::ScratchFolder const& run, std::string who, int rank, double resumed_s = 0.0) {
  return {
      .is_on = true, .run_folder = run.path(), .who = std::move(who), .rank = rank, .resumed_s = resumed_s};
}

// The events of trace.json with this phase.
std::vector<Json> events_of(test::ScratchFolder const& run, std::string const& phase) {
  auto const trace = Json::parse(test::bytes_of(run.path() / "trace.json"));
  std::vector<Json> events;
  for (auto const& event : trace.at("traceEvents"))
    if (event.at("ph") == phase) events.push_back(event);
  return events;
}

std::vector<int> begins_of(test::ScratchFolder const& run) {
  std::vector<int> begins;
  for (auto const& span : events_of(run, "X")) begins.push_back(span.at("ts"));
  return begins;
}

}  // namespace

TEST_CASE("a trace that is off writes nothing") {
  test::ScratchFolder const run;
  {
    Trace trace({.run_folder = run.path(), .who = "site_0_rank_0"});
    Trace::Span const span(trace, Work::compute, 1);
    trace.add(Work::reduce, 0.0, 1.0);
  }
  CHECK(test::names_in(run.path()).empty());
  CHECK(merge_trace(run.path()) == 0);
  CHECK(test::names_in(run.path()).empty());
}

TEST_CASE("the processes of a run stand in its trace in the order of their ranks, with named lanes") {
  test::ScratchFolder const run;
  {
    Trace site(options(run, "site_10_rank_0", 2));
    Trace other(options(run, "site_9_rank_0", 1));
    Trace shard(options(run, "shard_0", 0));
    site.add(Work::compute, 0.5, 0.75, 12);
    shard.add(Work::round, 1.0, 2.0, 3);
    shard.add(Work::round, 1.5, 2.5, 0);  // overlaps: another lane
    { Trace::Span const span(other, Work::idle); }
  }
  CHECK(merge_trace(run.path()) == 4);

  auto const spans = events_of(run, "X");
  auto const computed =
      *std::ranges::find(spans, Json("compute"), [](Json const& s) { return s.at("name"); });
  CHECK(computed.at("ts") == 500000);
  CHECK(computed.at("dur") == 250000);
  CHECK(computed.at("args") == Json{{"step", 12}});
  CHECK(computed.at("pid") == 2);
  CHECK(spans.at(0).at("args") == Json{{"fragment", 3}});
  CHECK(spans.at(0).at("tid") != spans.at(1).at("tid"));

  std::vector<std::string> processes, lanes;
  for (auto const& event : events_of(run, "M")) {
    if (event.at("name") == "process_name") processes.push_back(event.at("args").at("name"));
    if (event.at("name") == "thread_name") lanes.push_back(event.at("args").at("name"));
  }
  CHECK(processes == std::vector<std::string>{"shard_0", "site_9_rank_0", "site_10_rank_0"});
  CHECK(lanes == std::vector<std::string>{"round of fragment 3", "round of fragment 0", "idle", "compute"});
}

TEST_CASE("what a killed process left is read up to its last whole line") {
  test::ScratchFolder const run;
  Trace(options(run, "shard_0", 0)).add(Work::merge, 1.0, 2.0, 1);
  auto const piece = run.path() / "trace" / "shard_0.jsonl";
  auto const whole = test::bytes_of(piece);
  for (std::string const torn : {"[\"mer", "[\"merge\",5,", "{\"who\":\"sh"}) {
    test::put_bytes(piece, whole + torn);
    CHECK(merge_trace(run.path()) == 1);
    Trace(options(run, "shard_0", 0, 5.0)).add(Work::merge, 5.0, 6.0, 1);  // goes on below it
    CHECK(merge_trace(run.path()) == 2);
  }
}

TEST_CASE("lines that no process writes are passed over") {
  test::ScratchFolder const run;
  Trace(options(run, "shard_0", 0)).add(Work::merge, 1.0, 2.0, 1);
  std::ofstream(run.path() / "trace" / "shard_0.jsonl", std::ios::app)
      << R"(["merge",5,4,0])"
         "\n"
         R"(["nap",1,2,0])"
         "\n"
         R"(["merge",-9223372036854775808,9223372036854775807,0])"
      << "\n"
         R"(["merge",1,2,"x"])"
         "\n"
         R"({"who":7,"rank":0,"from_us":0})"
         "\n[]\n{}\nnull\n";
  std::ofstream(run.path() / "trace" / "empty.jsonl");
  CHECK(merge_trace(run.path()) == 1);
}

TEST_CASE("a resumed part supersedes what was traced after the moment it goes on from") {
  test::ScratchFolder const run;
  {
    Trace first(options(run, "shard_0", 0));
    first.add(Work::merge, 1.0, 2.0);
    first.add(Work::merge, 7.5, 8.5);  // half of it counts
    first.add(Work::merge, 9.0, 9.5);
  }
  Trace({.is_on = true, .run_folder = run.path(), .who = "shard_0", .start_s = 1000.0, .resumed_s = 8.0})
      .add(Work::merge, 1002.0, 1003.0);
  merge_trace(run.path());
  CHECK(begins_of(run) == std::vector{1000000, 7500000, 10000000});
  CHECK(events_of(run, "X").at(1).at("dur") == 500000);

  SECTION("and a third part, from before the second, supersedes both") {
    Trace({.is_on = true, .run_folder = run.path(), .who = "shard_0", .resumed_s = 0.5})
        .add(Work::merge, 0.25, 0.5);
    merge_trace(run.path());
    CHECK(begins_of(run) == std::vector{750000});
  }
}

TEST_CASE("spans reach the disk while the run lasts") {
  test::ScratchFolder const run;
  Trace trace(options(run, "site_0_rank_0", 0));
  double const now_s = base::now_s();
  trace.add(Work::compute, now_s, now_s + 1.5, 1);  // more than a second after the last
  CHECK(merge_trace(run.path()) == 1);
}
