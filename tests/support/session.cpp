// The one file that compiles Catch2 itself (version 2 is a header).
#define CATCH_CONFIG_RUNNER
#include "support/session.hpp"

#include <algorithm>
#include <iostream>
#include <string_view>

#include "support/catch.hpp"

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

namespace {

bool a_case_asserted_nothing = false;

// Catch2's own check (NoAssertions) would ask for an assertion in every section, also where sections only
// prepare.
struct AssertionWatch : Listener {
  using Listener::Listener;
  void testCaseEnded(Catch::TestCaseStats const& stats) override {
    if (stats.totals.assertions.total() == 0) a_case_asserted_nothing = true;
  }
};

CATCH_REGISTER_LISTENER(AssertionWatch)

}  // namespace

namespace atl::test {

void skip(std::string_view why) {
  skip_all(why);
  SUCCEED();
}

int skip_all(std::string_view why) {
  std::cout << "SKIPPED: " << why << std::endl;
  return 0;
}

int run_session(int argc, char** argv, bool must_assert) {
  Catch::Session session;
  // A selection without a case fails: 2 is NoTests in version 2, UnmatchedTestSpec in version 3.
  session.configData().warnings = static_cast<Catch::WarnAbout::What>(2);
  bool const failed = session.run(argc, argv) != 0;
  if (must_assert && a_case_asserted_nothing)
    std::cout << "a case asserted nothing, so it cannot fail" << std::endl;
  return failed || (must_assert && a_case_asserted_nothing) ? 1 : 0;
}

bool only_lists(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view arg) { return arg.starts_with("--list"); });
}

}  // namespace atl::test
