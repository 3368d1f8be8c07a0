// The sum whose bits depend on nothing but the ranks' values: rank 0's + rank 1's + ... for every element.
#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/waiting.hpp"
#include "comm/communicator.hpp"
#include "comm/wait.hpp"

namespace atl::comm {

namespace {

constexpr int tag_addend = 1;  // on its way to who adds
constexpr int tag_share = 2;   // on its way to everyone

// What a rank takes from all others and adds at once: 8 MiB, and a piece is there before its receiver sleeps.
constexpr std::size_t workspace_elements = std::size_t{1} << 21;

// The vector as the ranks' shares, to be walked through in pieces: the first of every share at once, then the
// second of every share, ...
class Shares {
 public:
  Shares(std::span<float> values, std::span<std::size_t const> sizes, int ranks) {
    base::ensure(sizes.size() == static_cast<std::size_t>(ranks), "every rank has a share");
    std::size_t begin = 0;
    for (std::size_t const size : sizes) {
      base::ensure(size <= values.size() - begin, "shares lie within the vector");
      shares_.push_back(values.subspan(begin, size));
      longest_ = std::max(longest_, size);
      begin += size;
    }
    base::ensure(begin == values.size(), "shares are the whole vector");
    piece_ = std::min(longest_, workspace_elements / sizes.size());
  }

  std::size_t pieces() const { return piece_ == 0 ? 0 : (longest_ + piece_ - 1) / piece_; }
  std::size_t piece_size() const { return piece_; }  // of the longest
  std::span<float> piece(int rank, std::size_t i) const {
    auto const share = shares_[static_cast<std::size_t>(rank)];
    std::size_t const begin = std::min(i * piece_, share.size());
    return share.subspan(begin, std::min(piece_, share.size() - begin));
  }

 private:
  std::vector<std::span<float>> shares_;
  std::size_t longest_ = 0, piece_ = 0;
};

// total <- addend(0) + addend(1) + ... + addend(ranks - 1), in float. One of them may be `total` itself.
template <class Addend>
void add_in_rank_order(int ranks, Addend&& addend, std::span<float> total) {
  constexpr std::size_t block_elements = 2048;  // the sum stays in the first-level cache
  std::array<float, block_elements> sum;
  for (std::size_t begin = 0; begin < total.size(); begin += block_elements) {
    std::size_t const count = std::min(block_elements, total.size() - begin);
    std::copy_n(addend(0) + begin, count, sum.begin());
    for (int r = 1; r < ranks; ++r) {
      float const* const next = addend(r) + begin;
      for (std::size_t i = 0; i < count; ++i) sum[i] += next[i];
    }
    std::copy_n(sum.begin(), count, total.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

}  // namespace

// Sends to_send(r) to every other rank r and receives to_receive(r) from it; empty ones do not travel.
template <class ToSend, class ToReceive>
void Communicator::exchange(int tag, ToSend const& to_send, ToReceive const& to_receive) const try {
  base::Waiting const waiting("MPI_Isend, MPI_Irecv");
  requests_.clear();
  for (int other = 0; other < size_; ++other) {
    if (other == rank_) continue;
    if (std::span<float> const incoming = to_receive(other); !incoming.empty()) {
      check_mpi(MPI_Irecv(incoming.data(), static_cast<int>(incoming.size()), MPI_FLOAT, other, tag, comm_,
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Irecv");
    }
    if (std::span<float const> const outgoing = to_send(other); !outgoing.empty()) {
      check_mpi(MPI_Isend(outgoing.data(), static_cast<int>(outgoing.size()), MPI_FLOAT, other, tag, comm_,
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Isend");
    }
  }
  wait_all(comm_, requests_, Patience::short_wait);
} catch (ProcessLost const&) {
  give_up(comm_, requests_);
  throw;
}

// Each rank receives the addends to its share from all others, piece by piece, and adds them in rank order.
// In both halves together a rank moves 2 (R-1)/R of the vector each way, as little as any all-reduce.
void Communicator::sum_shares(std::span<float> values, std::span<std::size_t const> sizes) const {
  Shares const shares(values, sizes, size_);
  if (size_ == 1) return;
  workspace_.resize(std::max(workspace_.size(), shares.piece_size() * sizes.size()));
  for (std::size_t i = 0; i < shares.pieces(); ++i) {
    auto const mine = shares.piece(rank_, i);
    auto const addend_of = [&](int r) {
      return std::span(workspace_).subspan(static_cast<std::size_t>(r) * shares.piece_size(), mine.size());
    };
    exchange(
        tag_addend, [&](int r) { return shares.piece(r, i); }, addend_of);
    add_in_rank_order(
        size_, [&](int r) { return r == rank_ ? mine.data() : addend_of(r).data(); }, mine);
  }
}

void Communicator::gather_shares(std::span<float> values, std::span<std::size_t const> sizes) const {
  Shares const shares(values, sizes, size_);
  if (size_ == 1) return;
  for (std::size_t i = 0; i < shares.pieces(); ++i) {
    exchange(
        tag_share, [&](int) { return shares.piece(rank_, i); }, [&](int r) { return shares.piece(r, i); });
  }
}

}  // namespace atl::comm
