// What a thread waits in, as another thread sees it.
#include "base/waiting.hpp"

#include <thread>

#include "support/catch.hpp"

using namespace atl;

TEST_CASE("the waits of the watched thread are known by name, the outermost first, and nobody else's") {
  base::watch_this_thread();
  CHECK_FALSE(base::current_wait());
  {
    base::Waiting const outer("a sum");
    base::Waiting const inner("MPI_Allreduce");
    std::thread([] {
      base::Waiting const not_watched("a broadcast");
      CHECK(base::current_wait()->calls == "a sum: MPI_Allreduce");
    }).join();
  }
  CHECK_FALSE(base::current_wait());
}

TEST_CASE("where the watched thread stands is told to another") {
  base::watch_this_thread();
  std::vector<std::string> calls;
  std::thread([&] { calls = base::watched_stack(); }).join();
  CHECK_FALSE(calls.empty());
}
