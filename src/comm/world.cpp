#include "comm/world.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/error.hpp"
#include "comm/launcher.hpp"
#include "comm/one_gpu_each.hpp"

namespace atl::comm {

namespace {

Communicator site_of(Place const& here) {
  return Communicator::split(MPI_COMM_WORLD, here.role == Role::site ? here.group : -1, here.rank);
}

}  // namespace

MpiRuntime::MpiRuntime(int& argc, char**& argv) {
  ImpatientStart const start;
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    throw base::RuntimeFailure("this MPI was built without MPI_THREAD_MULTIPLE; build with one that has it");
  }
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

MpiRuntime::~MpiRuntime() { MPI_Finalize(); }

int MpiRuntime::rank() const {
  int rank = 0;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  return rank;
}

int MpiRuntime::size() const {
  int size = 0;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  return size;
}

// Not by MPI_Comm_split_type, which never returns in a heterogeneous job of Slurm (Open MPI 5.0.11).
int MpiRuntime::number_on_node() const {
  auto const mine = base::digest_of(this_node()).low;
  std::vector<std::uint64_t> all(static_cast<std::size_t>(size()));
  check_mpi(MPI_Allgather(&mine, 1, MPI_UINT64_T, all.data(), 1, MPI_UINT64_T, MPI_COMM_WORLD),
            "MPI_Allgather");
  return static_cast<int>(std::count(all.begin(), all.begin() + rank(), mine));
}

std::string MpiRuntime::broadcast_text(std::string text, int from) const {
  std::uint64_t length = text.size();
  check_mpi(MPI_Bcast(&length, 1, MPI_UINT64_T, from, MPI_COMM_WORLD), "MPI_Bcast");
  text.resize(length);
  check_mpi(MPI_Bcast(text.data(), static_cast<int>(length), MPI_CHAR, from, MPI_COMM_WORLD), "MPI_Bcast");
  return text;
}

std::string MpiRuntime::first_text(std::string const& mine) const {
  int const nobody = size();
  int const speaker = mine.empty() ? nobody : rank();
  int first = nobody;
  check_mpi(MPI_Allreduce(&speaker, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD), "MPI_Allreduce");
  return first == nobody ? std::string() : broadcast_text(first == rank() ? mine : "", first);
}

MpiRuntime::Company MpiRuntime::company(std::string const& thing, std::uint64_t amount) const {
  using Named = std::array<std::uint64_t, 3>;
  auto const name = base::digest_of(thing);
  Named const mine = {name.high, name.low, amount};
  std::vector<Named> all(static_cast<std::size_t>(size()));
  check_mpi(MPI_Allgather(mine.data(), 3, MPI_UINT64_T, all.data(), 3, MPI_UINT64_T, MPI_COMM_WORLD),
            "MPI_Allgather");
  Company company;
  for (auto const& [high, low, amount_of_it] : all) {
    if (base::Digest{high, low} != name) continue;
    ++company.ranks;
    company.amount += amount_of_it;
  }
  return company;
}

double MpiRuntime::agree_on_start_s() const {
  check_mpi(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
  return base::now_s();
}

void MpiRuntime::leave(int exit_code) {
  if (outlives_losses()) {
    std::fflush(nullptr);
    _exit(exit_code);
  }
}

namespace {

// Who loses a process that aborts may abort for it. The launcher outlives a job of which several do so within
// milliseconds (Open MPI 5.0.11), and returns the code of any of them; rank 0, which knows the outcome, goes
// first.
void take_turns_at_abort() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::this_thread::sleep_for(
      std::min(rank * std::chrono::milliseconds(300), std::chrono::milliseconds(9000)));
}

}  // namespace

void MpiRuntime::abort(int exit_code) {
  if (has_come_later()) leave(0);  // the job goes on without it, and its outcome is not this one's
  if (outlives_losses()) {
    take_turns_at_abort();
    end_launcher_unless_it_ends();
  }
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::abort();  // not reached: MPI_Abort ends the process
}

World::World(MpiRuntime const& runtime, SiteLayout the_layout)
    : layout(std::move(the_layout)),
      here(layout.place(runtime.rank())),
      in_deck(layout.deck_place(runtime.rank())),
      site(site_of(here)),
      shards(Communicator::split(MPI_COMM_WORLD, here.role == Role::shard ? 0 : -1, here.group)),
      control(Communicator::duplicate(MPI_COMM_WORLD)),
      bulk(Communicator::duplicate(MPI_COMM_WORLD)) {
  for (int shard = 0; shard < layout.shards(); ++shard) shard_ranks.push_back(layout.shard_rank(shard));
}

World::World(SiteLayout the_layout, int the_site, Bridge bridge, std::vector<int> the_shard_ranks)
    : layout(std::move(the_layout)),
      here{Role::site, the_site, 0},
      in_deck{Role::site, the_site, 0},
      site(the_shard_ranks.empty() ? merge(bridge) : std::move(bridge.recruits)),
      control(std::move(bridge.control)),
      bulk(std::move(bridge.bulk)),
      shard_ranks(std::move(the_shard_ranks)) {
  here.rank = in_deck.rank = site.rank();
}

void World::watch(std::string who, double limit_s) {
  watchdog_ = std::make_unique<Watchdog>(std::move(who), limit_s);
  watchdog_->ask(site);
}

void World::set_site(Communicator ranks) {
  if (watchdog_) watchdog_->ask_nobody();
  site = std::move(ranks);
  here.rank = in_deck.rank = site.rank();
  if (watchdog_) watchdog_->ask(site);
}

std::string describe_mpi() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  std::string_view library(text.data(), static_cast<std::size_t>(length));
  library = library.substr(0, library.find_first_of(",\n"));
  if (!knows_losses()) return fmt::format("{}; without ULFM: a lost process ends the job", library);
  return fmt::format("{}; can contain a lost process (ULFM) when started with --with-ft ulfm", library);
}

}  // namespace atl::comm
