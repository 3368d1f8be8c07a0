// Runs Catch2; the three mains beside it (plain, Kokkos, MPI) differ only in what they do before and after.
#pragma once

namespace atl::test {

// Runs the cases that the command line selects; returns the exit code. No case selected is an error, and so
// is a case that asserts nothing where `must_assert`.
int run_session(int argc, char** argv, bool must_assert = true);

// The build lists the cases, on machines where MPI or Kokkos may fail to start (login nodes).
bool only_lists(int argc, char** argv);

}  // namespace atl::test
