// main of the tests that use Kokkos.
#include <Kokkos_Core.hpp>

#include "support/session.hpp"

int main(int argc, char** argv) {
  if (atl::test::only_lists(argc, argv)) return atl::test::run_session(argc, argv);
  Kokkos::ScopeGuard const kokkos(argc, argv);
  return atl::test::run_session(argc, argv);
}
