// Where a run's time went, and what its faults cost, from metrics made for it.
#include "train/goodput.hpp"

#include <fmt/format.h>

#include <fstream>

#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "train/fault_report.hpp"

using namespace atl;
using namespace atl::test;

namespace {

// Two sites that take a step a second; site 1 is killed at 4.5 s, having been merged last at step 3, and
// trains again at 7 s. One fragment.
void write_run(std::filesystem::path const& folder) {
  std::ofstream out(folder / "metrics.jsonl");
  auto const step = [&](int site, double time_s, int number) {
    out << fmt::format(
        R"({{"event":"step","time_s":{},"step":{},"site":{},"loss":3.0,"step_s":1.0,"wait_s":0.25}})"
        "\n",
        time_s, number, site);
  };
  auto const commit = [&](double time_s, int number, std::string_view members, std::string_view absent) {
    out << fmt::format(
        R"({{"event":"commit","time_s":{},"step":{},"fragment":0,"members":[{}],"staleness":[0],"absent":[{}]}})"
        "\n",
        time_s, number, members, absent);
  };
  out << R"({"event":"start","time_s":0,"step":0,"sites":2,"shards":1,"unix_s":1000})" << '\n';
  for (int n = 1; n <= 4; ++n) {
    step(0, n, n);
    step(1, n, n);
    if (n == 3) commit(3.5, 3, "0,1", "");
  }
  out << R"({"event":"fault","time_s":4.6,"step":4,"what":"site 1 is lost","site":1})" << '\n';
  step(0, 5, 5);
  commit(5.5, 5, "0", "1");
  step(0, 6, 6);
  out << R"({"event":"return","time_s":7,"step":6,"site":1,"incarnation":2})" << '\n';
  step(0, 7, 7);
  step(1, 8, 7);
  commit(8.5, 7, "0,1", "");
  step(0, 8, 8);
  out << R"({"event":"end","time_s":10,"step":8})" << '\n';
}

}  // namespace

TEST_CASE("the time of all sites is in steps, for nothing, or not in steps") {
  ScratchFolder const folder;
  write_run(folder.path());
  auto const history = train::read_history(folder.path() / "metrics.jsonl");
  auto const spent = train::account(history);
  CHECK(spent.site_s == 20.0);
  CHECK(spent.training_s == 13 * 0.75);
  CHECK(spent.in_site_wait_s == 13 * 0.25);
  CHECK(spent.recovery_s == 3.0);  // from its step at 4 s to 7 s
  CHECK(spent.lost_s == 1.0);      // its step 4
  CHECK(spent.other_s() == 20.0 - 13.0 - 3.0);
  CHECK(spent.share() == Approx((13 * 0.75 - 1.0) / 20.0));
}

TEST_CASE("who took part in how many commits is told by site") {
  ScratchFolder const folder;
  write_run(folder.path());
  auto const sites = train::participation(train::read_history(folder.path() / "metrics.jsonl"));
  REQUIRE(sites.size() == 2);
  CHECK(sites[0].share == 1.0);
  CHECK(sites[1].commits == 2);
}

TEST_CASE("steps that a resume superseded were for nothing") {
  ScratchFolder const folder;
  write_run(folder.path());
  std::ofstream(folder.path() / "metrics.jsonl", std::ios::app)
      << R"({"event":"resume","time_s":0,"step":0,"checkpoint":"","unix_s":1020})" << '\n';
  CHECK(train::account(train::read_history(folder.path() / "metrics.jsonl")).lost_s == 13 * 0.75 + 1.0);
}

TEST_CASE("a fault is paired with what it cost") {
  ScratchFolder const folder;
  write_run(folder.path());
  auto const noticed = train::inspect_faults(folder.path());
  REQUIRE(noticed.faults.size() == 1);
  CHECK_FALSE(noticed.is_truth);

  std::ofstream(folder.path() / "chaos.jsonl")
      << R"({"event":"chaos","time_s":4.5,"unix_s":1004.5,"step":4,"do":"kill","site":1,"rank":0})" << '\n'
      << "torn";
  auto const report = train::inspect_faults(folder.path());
  CHECK(report.is_truth);
  REQUIRE(report.faults.size() == 1);
  auto const& fault = report.faults.front();
  CHECK(fault.what == "kill site 1 rank 0");
  CHECK(*fault.noticed_s == Approx(0.1));
  CHECK(*fault.back_s == Approx(2.5));
  CHECK(*fault.merged_s == Approx(4.0));
  CHECK(fault.commits_missed == 1);
  CHECK(fault.steps_lost == 1.0);
}
