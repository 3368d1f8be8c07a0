// Vectors of which every rank owns a share, on their way between the ranks while these compute. MPI moves
// data only while someone looks: so the calls that tell of progress also make it.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace atl::comm {

// Consecutive elements of a vector.
struct Part {
  std::size_t offset = 0;
  std::size_t size = 0;
};

// Whose the elements are: sizes[r] of them belong to rank r; together they are all, in rank order. Shares can
// be empty.
class Shares {
 public:
  explicit Shares(std::span<std::size_t const> sizes);
  static Shares equal(std::size_t size, int ranks);  // nearly

  int ranks() const { return static_cast<int>(ends_.size()); }
  std::size_t size() const { return ends_.back(); }
  std::size_t longest() const;
  // What of `part` belongs to a rank.
  Part of(int rank, Part part) const;

 private:
  std::vector<std::size_t> ends_;  // of the ranks' shares
};

// What this process has received within its site by what follows, in bytes.
struct SiteTraffic {
  std::uint64_t all = 0;
  std::uint64_t beside = 0;  // was there before anybody waited for it
};
inline SiteTraffic site_traffic;

// A rank's own share <- sum over ranks; what others own stays as it was. Rank 0's + rank 1's + ... in float:
// the same bits in every run. Each rank tells what of its addends is final, and that travels at once. A rank
// moves (R-1)/R of the vector each way, as little as any sum by shares.
class ShareSum {
 public:
  ShareSum(Communicator const& comm, Shares shares);
  ~ShareSum();
  ShareSum(ShareSum const&) = delete;
  ShareSum& operator=(ShareSum const&) = delete;

  // Collective, like what follows: all ranks name the same parts in the same order, each element once.
  // `values` stay the caller's; of others' shares nothing changes until finish().
  void begin(std::span<float> values);
  void ready(Part part);
  void finish();
  // A rank is lost: what was on its way does not come.
  void give_up();

 private:
  void post();
  bool add_first(bool waits);
  bool is_over() const { return waiting_.empty() && posted_.empty() && sends_.empty(); }
  std::size_t index_of(int other) const;  // among the others
  std::span<MPI_Request> requests_at(std::size_t place);
  std::span<float> addends_at(std::size_t place, std::size_t other);

  Communicator const& comm_;
  Shares shares_;
  std::size_t others_, piece_elements_;
  std::span<float> values_;
  std::size_t told_ = 0;               // elements
  std::deque<Part> waiting_, posted_;  // pieces of the own share, in order
  std::size_t added_ = 0;              // pieces so far, whose places are free again
  std::vector<float> workspace_;       // the others' addends to the posted pieces
  std::vector<MPI_Request> receives_;  // of them
  std::vector<MPI_Request> sends_;
};

// Every rank's share <- what its owner has. What is needed first comes first.
class ShareSpread {
 public:
  ShareSpread(Communicator const& comm, Shares shares);
  ~ShareSpread();
  ShareSpread(ShareSpread const&) = delete;
  ShareSpread& operator=(ShareSpread const&) = delete;

  // Collective: all ranks pass the same parts, which are the whole vector. Until finish() nothing of it may
  // change, and only what was waited for may be read.
  void begin(std::span<float> values, std::vector<Part> const& in_order);
  void wait_for(Part part);
  void finish();
  // A rank is lost: revokes the communicator if anything is on its way (wait.hpp), which then does not come.
  void give_up();

 private:
  bool is_over() const { return receives_.empty() && sends_.empty(); }
  void wait_for_piece(std::size_t i);
  void clear();

  Communicator const& comm_;
  Shares shares_;
  std::vector<Part> pieces_;
  std::vector<MPI_Request> receives_;  // of the pieces
  std::vector<MPI_Request> sends_;
};

}  // namespace atl::comm
