// Runs Catch2; the three mains beside it (plain, Kokkos, MPI) differ only in what they do before and after.
#pragma once

#include <string_view>

namespace atl::test {

// Runs the cases that the command line selects; returns the exit code. No case selected is an error, and so
// is a case that asserts nothing where `must_assert`.
int run_session(int argc, char** argv, bool must_assert = true);

// For a case that cannot run here and returns: CTest counts it as skipped and tells why.
void skip(std::string_view why);

// The same for a main that cannot run any case here; returns its exit code.
int skip_all(std::string_view why);

// The build lists the cases, on machines where MPI or Kokkos may fail to start (login nodes).
bool only_lists(int argc, char** argv);

}  // namespace atl::test
