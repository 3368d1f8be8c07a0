// How long a run may train, by its deck and by the end of its job.
#include "train/time_limit.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace atl;

namespace {

constexpr double now_s = 1.8e9;

double seconds(std::string_view job_end, double walltime_s = 0.0, double margin_s = 120.0) {
  return train::seconds_to_train({.walltime_s = walltime_s, .walltime_margin_s = margin_s}, job_end, now_s);
}

}  // namespace

TEST_CASE("a run without limits trains for ever") { CHECK(std::isinf(seconds(""))); }

TEST_CASE("a run stops a margin before its job ends, or earlier where its deck says so") {
  CHECK(seconds("1800003600") == 3480.0);
  CHECK(seconds("1800003600", 0.0, 600.0) == 3000.0);
  CHECK(seconds("1800003600", 100.0) == 100.0);
  CHECK(seconds("1800003600", 1e6) == 3480.0);
  CHECK(seconds("", 100.0) == 100.0);
}

TEST_CASE("a job shorter than the margin is trained in for half its time, not for none") {
  CHECK(seconds("1800000100") == 50.0);
  CHECK(seconds("1800000120") == 60.0);
  CHECK(seconds("1800000001", 0.0, 0.0) == 1.0);
}

TEST_CASE("an end that cannot be this job's is ignored") {
  for (auto const* const text : {"1799999999", "1800000000", "0", "-1", "soon", "1800003600.5", "1800003600 ",
                                 " 1800003600", "99999999999999999999999"}) {
    INFO('\'' << text << '\'');
    CHECK(std::isinf(seconds(text)));
    CHECK(seconds(text, 100.0) == 100.0);
  }
}
