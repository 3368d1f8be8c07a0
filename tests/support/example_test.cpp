// How tests are written here. Copy this file to tests/unit/<module>/<what>_test.cpp and add that to the
// CMakeLists.txt beside it.
//
// - The name is a sentence of the specification: what holds, not what is called.
// - A test must be able to fail. Before you keep it, break the code and watch it fail.
// - It takes less than a second, needs no network, and writes only in a ScratchFolder.
//
//   ctest --test-dir build/ci -R '^example/'
//   build/ci/tests/support/test_example "a vector keeps its order when it grows"
#include <fstream>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;

TEST_CASE("a vector keeps its order when it grows") {
  std::vector<int> primes = {2, 3, 5};  // runs anew for every SECTION

  SECTION("at the end") {
    primes.push_back(7);
    REQUIRE(primes == std::vector{2, 3, 5, 7});  // REQUIRE leaves the case, CHECK goes on
  }
  SECTION("in the middle") {
    primes.insert(primes.begin() + 1, 11);
    CHECK(primes == std::vector{2, 11, 3, 5});
  }
}

TEST_CASE("an error says what is wrong and what to do") {
  auto const open = [] {
    throw base::InputError("deck.toml:3:1", "no such key 'stpes'", "did you mean 'steps'?");
  };
  REQUIRE_THROWS_AS(open(), base::InputError);
  REQUIRE_THROWS_WITH(open(), ContainsSubstring("did you mean 'steps'?"));
}

TEST_CASE("a sum of tenths is near to one but not one") {
  float sum = 0.0f;
  for (int i = 0; i < 10; ++i) {
    INFO("term " << i);  // printed only where a check below it fails
    sum += 0.1f;
    REQUIRE(sum <= 1.1f);
  }
  CHECK(sum != 1.0f);
  CHECK_THAT(sum, WithinRel(1.0f, 1e-6f));  // say which error is allowed, and why, where it is not rounding
}

TEST_CASE("what a test writes is gone when it ends") {
  std::filesystem::path remembered;
  {
    test::ScratchFolder const folder;
    remembered = folder.path();
    std::ofstream(folder.path() / "tokens.bin") << "abc";
    REQUIRE(std::filesystem::file_size(folder.path() / "tokens.bin") == 3);
  }
  REQUIRE_FALSE(std::filesystem::exists(remembered));
}
