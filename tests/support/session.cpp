// The one file that compiles Catch2 itself (version 2 is a header).
#define CATCH_CONFIG_RUNNER
#include "support/session.hpp"

#include "support/catch.hpp"

namespace atoll::test {

int run_session(int argc, char** argv, bool must_assert) {
  // 2 is what a selection without a case is called: NoTests in version 2, UnmatchedTestSpec in version 3.
  int const warnings = 2 | (must_assert ? Catch::WarnAbout::NoAssertions : 0);
  Catch::Session session;
  session.configData().warnings = static_cast<Catch::WarnAbout::What>(warnings);
  return session.run(argc, argv) == 0 ? 0 : 1;
}

}  // namespace atoll::test
