// main of the tests that need neither Kokkos nor MPI.
#include "support/session.hpp"

int main(int argc, char** argv) { return atl::test::run_session(argc, argv); }
