// The launcher's words are kept and understood; the job's own go through.
#include "app/launcher_words.hpp"

#include "support/catch.hpp"

using namespace atl;
using namespace atl::app;

namespace {

std::string const rule(76, '-');

}  // namespace

TEST_CASE("what stands between rules or is signed is the launcher's") {
  LauncherWords words;
  CHECK(words.is_from_job("a word of the job"));
  CHECK_FALSE(words.is_from_job(rule));
  CHECK_FALSE(words.is_from_job("a word of mpirun"));
  CHECK_FALSE(words.is_from_job(rule));
  CHECK(words.is_from_job("another word of the job"));
  CHECK_FALSE(words.is_from_job("srun: a signed word"));
  CHECK(words.kept() == rule + "\na word of mpirun\n" + rule + "\nsrun: a signed word\n");
}

TEST_CASE("an error of ours is shown even where it comes in the middle of a frame") {
  LauncherWords words;
  words.is_from_job(rule);
  CHECK(words.is_from_job("error: data: is missing"));
  CHECK_FALSE(words.is_from_job("still the frame"));
}

TEST_CASE("a complaint is found across lines and spaces, and names the ranks") {
  LauncherWords words;
  for (auto const& line :
       {rule, std::string("There are not enough  slots"), std::string("  available."), rule})
    words.is_from_job(line);
  auto const problem = words.explain(41);
  REQUIRE(problem);
  CHECK_THAT(problem->what, ContainsSubstring("the 41 ranks"));
  CHECK_THAT(problem->remedy, ContainsSubstring("41 tasks"));
}

TEST_CASE("a killed process is told from a crashed one, and nothing is made up") {
  LauncherWords killed, crashed, unknown;
  killed.is_from_job("mpirun: process 2 exited on signal 9 (Killed)");
  crashed.is_from_job("mpirun: process 2 exited on signal 11 (Segmentation fault)");
  unknown.is_from_job("mpirun: something else");
  CHECK_THAT(killed.explain(3).value().what, ContainsSubstring("killed from outside"));
  CHECK_THAT(crashed.explain(3).value().what, ContainsSubstring("crashed"));
  CHECK_FALSE(unknown.explain(3));
}
