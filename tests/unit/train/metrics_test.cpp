#include "train/metrics.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::train;

TEST_CASE("every line of the metrics has event, time_s and step") {
  for (auto const& line :
       {to_json(StartLine{}), to_json(StepLine{}), to_json(EvalLine{}), to_json(CommitLine{}),
        to_json(CheckpointLine{}), to_json(EndLine{}), resume_json(3, "set", 0.0), fault_json(1.0, 2, "what")}) {
    auto const json = nlohmann::json::parse(line);
    CHECK(json.contains("event"));
    CHECK(json.contains("time_s"));
    CHECK(json.contains("step"));
    CHECK(line.find('\n') == std::string::npos);
  }
}

TEST_CASE("metrics are appended, never replaced") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "metrics.jsonl";
  MetricsFile(file).write("one");
  MetricsFile(file).write("two");
  std::ifstream in(file);
  std::string const text{std::istreambuf_iterator<char>(in), {}};
  CHECK(text == "one\ntwo\n");
}
