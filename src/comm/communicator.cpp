#include "comm/communicator.hpp"

#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/waiting.hpp"
#include "comm/wait.hpp"
#include "comm/world.hpp"

namespace atl::comm {

namespace {

// Of a call on `comm`, which nobody shall wait in where a rank of it is lost.
void check_on(MPI_Comm comm, int code, char const* call) {
  if (is_loss(code)) revoke(comm);
  check_mpi(code, call);
}

// Long vectors go in pieces: MPI counts are int, and a piece is there before its receivers fall asleep.
constexpr std::size_t piece_bytes = std::size_t{4} << 20;

template <class T, class Visit>
void for_each_piece(std::span<T> values, Visit&& visit) {
  constexpr std::size_t longest = piece_bytes / sizeof(T);
  for (std::size_t done = 0; done < values.size(); done += longest) {
    visit(values.subspan(done, std::min(longest, values.size() - done)));
  }
}

#ifdef MPIX_ERR_PROC_FAILED
// Which ranks of `before` are not in `after`.
std::vector<int> ranks_missing(MPI_Comm before, MPI_Comm after) {
  MPI_Group all = MPI_GROUP_NULL, rest = MPI_GROUP_NULL, missing = MPI_GROUP_NULL;
  MPI_Comm_group(before, &all);
  MPI_Comm_group(after, &rest);
  MPI_Group_difference(all, rest, &missing);
  int size = 0;
  MPI_Group_size(missing, &size);
  std::vector<int> in_missing(static_cast<std::size_t>(size)), in_all(in_missing.size());
  std::iota(in_missing.begin(), in_missing.end(), 0);
  MPI_Group_translate_ranks(missing, size, in_missing.data(), all, in_all.data());
  for (auto* group : {&all, &rest, &missing}) MPI_Group_free(group);
  return in_all;
}
#endif

void broadcast_patiently(Communicator const& comm, std::span<std::byte> bytes, int root, Patience patience) {
  if (comm.size() == 1) return;
  base::Waiting const waiting("MPI_Ibcast");
  for_each_piece(bytes, [&](std::span<std::byte> piece) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_on(comm.get(),
             MPI_Ibcast(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, root, comm.get(), &request),
             "MPI_Ibcast");
    wait_all(comm.get(), {&request, 1}, patience);
  });
}

void all_gather_patiently(Communicator const& comm, std::span<std::byte const> mine, std::span<std::byte> all,
                          Patience patience) {
  base::ensure(all.size() == mine.size() * static_cast<std::size_t>(comm.size()),
               "an all-gather needs room for every rank");
  base::ensure(mine.size() <= std::numeric_limits<int>::max(), "an all-gather moves less than 2 GiB a rank");
  if (comm.size() == 1) {
    std::ranges::copy(mine, all.begin());
    return;
  }
  base::Waiting const waiting("MPI_Iallgather");
  int const count = static_cast<int>(mine.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_on(comm.get(),
           MPI_Iallgather(mine.data(), count, MPI_BYTE, all.data(), count, MPI_BYTE, comm.get(), &request),
           "MPI_Iallgather");
  wait_all(comm.get(), {&request, 1}, patience);
}

}  // namespace

Communicator::Communicator(MPI_Comm owned) : comm_(owned) {
  if (comm_ == MPI_COMM_NULL) return;
  return_errors(comm_);
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Communicator::Communicator(Communicator&& other) noexcept { *this = std::move(other); }

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  if (this == &other) return *this;
  free();
  comm_ = std::exchange(other.comm_, MPI_COMM_NULL);
  rank_ = std::exchange(other.rank_, 0);
  size_ = std::exchange(other.size_, 1);
  return *this;
}

Communicator::~Communicator() { free(); }

void Communicator::free() noexcept {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (comm_ != MPI_COMM_NULL && finalized == 0) MPI_Comm_free(&comm_);
}

Communicator Communicator::split(MPI_Comm parent, int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(parent, color < 0 ? MPI_UNDEFINED : color, key, &part), "MPI_Comm_split");
  return Communicator(part);
}

Communicator Communicator::duplicate(MPI_Comm parent) {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(parent, &copy), "MPI_Comm_dup");
  return Communicator(copy);
}

void Communicator::return_errors(MPI_Comm comm) {
  check_mpi(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

Communicator Communicator::survivors() const {
  MPI_Comm rest = MPI_COMM_NULL;
#ifdef MPIX_ERR_PROC_FAILED
  base::Waiting const waiting("MPIX_Comm_shrink");
  try {
    check_mpi(MPIX_Comm_shrink(comm_, &rest), "MPIX_Comm_shrink");
  } catch (base::RuntimeFailure const& failure) {
    // The others may count this rank among them, and would wait for it: it is lost too, and they see that.
    base::log::error(failure.what());
    MpiRuntime::leave(0);
    throw;
  }
  if (auto const lost = ranks_missing(comm_, rest); !lost.empty())
    base::log::info(
        fmt::format("of {} ranks that were left, counted from 0, lost: {}", size_, fmt::join(lost, ", ")));
#endif
  return Communicator(rest);
}

void Communicator::broadcast(std::span<std::byte> bytes, int root) const {
  broadcast_patiently(*this, bytes, root, Patience::short_wait);
}

std::vector<MPI_Request> Communicator::begin_broadcast(std::span<std::byte> bytes, int root) const {
  std::vector<MPI_Request> requests;
  if (size_ == 1) return requests;
  try {
    for_each_piece(bytes, [&](std::span<std::byte> piece) {
      check_on(comm_,
               MPI_Ibcast(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, root, comm_,
                          &requests.emplace_back(MPI_REQUEST_NULL)),
               "MPI_Ibcast");
    });
  } catch (ProcessLost const&) {
    give_up(comm_, requests);
    throw;
  }
  return requests;
}

void Communicator::sleeping_broadcast(std::span<std::byte> bytes, int root) const {
  broadcast_patiently(*this, bytes, root, Patience::long_wait);
}

void Communicator::all_gather(std::span<std::byte const> mine, std::span<std::byte> all) const {
  all_gather_patiently(*this, mine, all, Patience::short_wait);
}

void Communicator::sleeping_all_gather(std::span<std::byte const> mine, std::span<std::byte> all) const {
  all_gather_patiently(*this, mine, all, Patience::long_wait);
}

std::vector<std::vector<std::byte>> Communicator::all_gather_each(std::vector<std::byte> mine) const {
  auto const ranks = static_cast<std::size_t>(size_);
  std::uint64_t const length = mine.size();
  std::vector<std::uint64_t> lengths(ranks);
  all_gather(std::as_bytes(std::span(&length, 1)), std::as_writable_bytes(std::span(lengths)));
  auto const longest = *std::ranges::max_element(lengths);
  mine.resize(longest);
  std::vector<std::byte> blocks(longest * ranks);
  all_gather(mine, blocks);

  std::vector<std::vector<std::byte>> each;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    auto const block = std::span(blocks).subspan(rank * longest, lengths[rank]);
    each.emplace_back(block.begin(), block.end());
  }
  return each;
}

void Communicator::barrier() const {
  if (size_ == 1) return;
  base::Waiting const waiting("MPI_Ibarrier");
  MPI_Request request = MPI_REQUEST_NULL;
  check_on(comm_, MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  wait_all(comm_, {&request, 1}, Patience::short_wait);
}

void Communicator::sum(std::span<float> values) const {
  if (size_ == 1) return;
  base::Waiting const waiting("MPI_Iallreduce");
  for_each_piece(values, [&](std::span<float> piece) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_on(comm_,
             MPI_Iallreduce(MPI_IN_PLACE, piece.data(), static_cast<int>(piece.size()), MPI_FLOAT, MPI_SUM,
                            comm_, &request),
             "MPI_Iallreduce");
    wait_all(comm_, {&request, 1}, Patience::short_wait);
  });
}

}  // namespace atl::comm
