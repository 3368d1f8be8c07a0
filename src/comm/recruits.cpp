#include "comm/recruits.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/waiting.hpp"
#include "comm/spares.hpp"

namespace atl::comm {

namespace {

std::atomic<bool> has_been_called = false;

MPI_Comm parent() {
  MPI_Comm hosts = MPI_COMM_NULL;
  check_mpi(MPI_Comm_get_parent(&hosts), "MPI_Comm_get_parent");
  return hosts;
}

// Both sides in step. `root`: rank 0 of the hosts, as MPI wants it named here.
Bridge cross(MPI_Comm between, int root, bool is_host, std::string orders) {
  Communicator::return_errors(between);
  std::uint64_t length = orders.size();
  check_mpi(MPI_Bcast(&length, 1, MPI_UINT64_T, root, between), "MPI_Bcast");
  if (root != MPI_PROC_NULL) orders.resize(length);
  check_mpi(MPI_Bcast(orders.data(), static_cast<int>(orders.size()), MPI_CHAR, root, between), "MPI_Bcast");
  auto control = Communicator::duplicate(between);
  auto bulk = Communicator::duplicate(between);
  return {std::move(control), std::move(bulk), std::move(orders), is_host, {}};
}

// Rank 0's, on every rank.
std::string text_of_first(Communicator const& comm, std::string const& text) {
  auto const bytes = std::as_bytes(std::span(text));
  auto const all = comm.all_gather_each({bytes.begin(), bytes.end()});
  auto const& first = all.front();
  return {reinterpret_cast<char const*>(first.data()), first.size()};
}

MPI_Comm start(MPI_Comm by, Wanted const& wanted) {
  auto const program = std::filesystem::read_symlink("/proc/self/exe").string();
  auto const folder = std::filesystem::current_path().string();
  std::vector<char*> words;
  for (auto const& argument : wanted.arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);

  MPI_Info info = MPI_INFO_NULL;
  check_mpi(MPI_Info_create(&info), "MPI_Info_create");
  check_mpi(MPI_Info_set(info, "wdir", folder.c_str()), "MPI_Info_set");
  std::vector<int> codes(static_cast<std::size_t>(wanted.count));
  MPI_Comm between = MPI_COMM_NULL;
  base::Waiting const waiting("MPI_Comm_spawn");
  int const code =
      MPI_Comm_spawn(program.c_str(), words.data(), wanted.count, info, 0, by, &between, codes.data());
  MPI_Info_free(&info);
  check_mpi(code, "MPI_Comm_spawn");
  return between;
}

MPI_Comm call(MPI_Comm by, std::string const& port) {
  base::Waiting const waiting("MPI_Comm_connect");
  MPI_Comm between = MPI_COMM_NULL;
  // Whatever it says: who was to come is lost. The others of `by` may wait in it yet.
  if (MPI_Comm_connect(port.c_str(), MPI_INFO_NULL, 0, by, &between) != MPI_SUCCESS) {
    revoke(by);
    throw ProcessLost("MPI_Comm_connect: a spare that was to come has not");
  }
  return between;
}

}  // namespace

int Bridge::remote_size() const {
  int size = 0;
  check_mpi(MPI_Comm_remote_size(control.get(), &size), "MPI_Comm_remote_size");
  return size;
}

Bridge recruit(Communicator const& hosts, Wanted const& wanted, std::string const& orders) {
  auto const living = hosts.size() > 1 ? hosts.survivors() : Communicator();
  MPI_Comm const by = living.size() > 1 ? living.get() : MPI_COMM_SELF;
  auto const port = text_of_first(living, living.rank() == 0 ? claim_spare(wanted.spares) : "");
  MPI_Comm const between = port.empty() ? start(by, wanted) : call(by, port);
  return cross(between, living.rank() == 0 ? MPI_ROOT : MPI_PROC_NULL, true, orders);
}

bool is_recruit() { return parent() != MPI_COMM_NULL; }
bool has_come_later() { return has_been_called || is_recruit(); }

Bridge meet_hosts() {
  auto bridge = cross(parent(), 0, false, "");
  bridge.recruits = Communicator::duplicate(MPI_COMM_WORLD);
  return bridge;
}

Bridge meet_hosts(std::string const& port) {
  has_been_called = true;
  MPI_Comm between = MPI_COMM_NULL;
  check_mpi(MPI_Comm_accept(port.c_str(), MPI_INFO_NULL, 0, MPI_COMM_SELF, &between), "MPI_Comm_accept");
  return cross(between, 0, false, "");
}

Communicator merge(Bridge const& bridge) {
  MPI_Comm all = MPI_COMM_NULL;
  check_mpi(MPI_Intercomm_merge(bridge.control.get(), bridge.is_host ? 0 : 1, &all), "MPI_Intercomm_merge");
  return Communicator(all);
}

}  // namespace atl::comm
