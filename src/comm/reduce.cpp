// The sum whose bits depend on nothing but the ranks' values: rank 0's + rank 1's + ... for every element.
#include <algorithm>
#include <array>

#include "comm/communicator.hpp"
#include "comm/wait.hpp"

namespace atl::comm {

namespace {

constexpr int tag_share = 1;  // an addend, on its way to who adds
constexpr int tag_total = 2;  // a sum, on its way to everyone

// What is exchanged and added at once: 8 MiB of workspace, and a block is there before its receivers sleep.
constexpr std::size_t workspace_elements = std::size_t{1} << 21;

// The r-th of `parts` nearly equal parts of `values`.
std::span<float> part(std::span<float> values, int r, int parts) {
  std::size_t const begin = values.size() * static_cast<std::size_t>(r) / static_cast<std::size_t>(parts);
  std::size_t const end = values.size() * static_cast<std::size_t>(r + 1) / static_cast<std::size_t>(parts);
  return values.subspan(begin, end - begin);
}

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

// Each rank adds one part of every block: it receives that part from all others, adds in rank order, and
// sends the sum to all others. A rank moves 2 (R-1)/R of the vector each way, as little as any all-reduce.
void Communicator::sum_in_rank_order(std::span<float> values) const {
  auto const ranks = static_cast<std::size_t>(size_);
  std::size_t const longest_part = (std::min(workspace_elements, values.size()) + ranks - 1) / ranks;
  workspace_.resize(std::max(workspace_.size(), longest_part * ranks));
  requests_.assign(2 * ranks, MPI_REQUEST_NULL);

  auto const exchange = [&](int tag, auto const& to_send, auto const& to_receive) {
    for (int other = 0; other < size_; ++other) {
      if (other == rank_) continue;
      auto const r = static_cast<std::size_t>(other);
      std::span<float> const incoming = to_receive(other);
      std::span<float> const outgoing = to_send(other);
      check_mpi(MPI_Irecv(incoming.data(), static_cast<int>(incoming.size()), MPI_FLOAT, other, tag, comm_,
                          &requests_[r]),
                "MPI_Irecv");
      check_mpi(MPI_Isend(outgoing.data(), static_cast<int>(outgoing.size()), MPI_FLOAT, other, tag, comm_,
                          &requests_[ranks + r]),
                "MPI_Isend");
    }
    wait_all(requests_, Patience::short_wait);
  };

  for (std::size_t begin = 0; begin < values.size(); begin += longest_part * ranks) {
    auto const block = values.subspan(begin, std::min(longest_part * ranks, values.size() - begin));
    auto const mine = part(block, rank_, size_);
    auto const share_of = [&](int r) {
      return std::span(workspace_).subspan(static_cast<std::size_t>(r) * longest_part, mine.size());
    };
    auto const mine_for = [&](int) { return mine; };
    auto const part_of = [&](int r) { return part(block, r, size_); };
    auto const addend_of = [&](int r) { return r == rank_ ? mine.data() : share_of(r).data(); };
    exchange(tag_share, part_of, share_of);
    add_in_rank_order(size_, addend_of, mine);
    exchange(tag_total, mine_for, part_of);
  }
}

}  // namespace atl::comm
