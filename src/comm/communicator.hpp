// A move-only MPI communicator that returns errors, and the few collectives a site needs.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <vector>

#include "comm/loss.hpp"

namespace atl::comm {

// An empty communicator (default, moved from, or split off with a negative color) is a group of one: its
// collectives do nothing but copy.
//
// Waiting ranks yield and then sleep (wait.hpp), so that more ranks than cores do no harm.
//
// Where a rank is lost, those that need it get ProcessLost from a collective, and with them all that are
// still in one or enter one: it is revoked then. What they wrote to is worth nothing.
class Communicator {
 public:
  Communicator() = default;
  explicit Communicator(MPI_Comm owned);  // takes ownership; sets MPI_ERRORS_RETURN
  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  ~Communicator();  // frees, unless MPI is finalized

  // Collective over `parent`. The ranks with the same color, ordered by key; `color` < 0: empty.
  static Communicator split(MPI_Comm parent, int color, int key);
  static Communicator duplicate(MPI_Comm parent);
  // Collective over those of its ranks that live, revoked or not: they alone, in the same order.
  Communicator survivors() const;

  // For one that this class does not hold.
  static void return_errors(MPI_Comm comm);

  MPI_Comm get() const { return comm_; }
  int rank() const { return rank_; }
  int size() const { return size_; }

  // Collective. The sleeping forms are for waits of seconds and more: they look every 2 ms.
  void broadcast(std::span<std::byte> bytes, int root) const;
  // Not waited for: until the requests are complete (wait.hpp) the bytes stay, and the root's as they are.
  std::vector<MPI_Request> begin_broadcast(std::span<std::byte> bytes, int root) const;
  void sleeping_broadcast(std::span<std::byte> bytes, int root) const;
  // `all` holds size() blocks of `mine.size()` bytes, in rank order; every rank brings as many.
  void all_gather(std::span<std::byte const> mine, std::span<std::byte> all) const;
  void sleeping_all_gather(std::span<std::byte const> mine, std::span<std::byte> all) const;
  // Where every rank brings as much as it likes: what each brought, in rank order.
  std::vector<std::vector<std::byte>> all_gather_each(std::vector<std::byte> mine) const;
  void barrier() const;

  // Collective. values <- sum over ranks, in an order that is MPI's affair (else: shares.hpp).
  void sum(std::span<float> values) const;

 private:
  void free() noexcept;

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace atl::comm
