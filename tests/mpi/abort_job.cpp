// A job whose rank 0 ends it while the others see and do nothing: a launcher that is to outlive losses has been
// seen to take that for one.
#include <chrono>
#include <thread>

#include "comm/world.hpp"

int main(int argc, char** argv) {
  atl::comm::MpiRuntime const mpi(argc, argv);
  mpi.agree_on_start_s();
  if (mpi.rank() == 0) atl::comm::MpiRuntime::abort(75);
  std::this_thread::sleep_for(std::chrono::minutes(5));
}
