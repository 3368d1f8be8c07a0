#include "comm/shares.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.hpp"
#include "base/waiting.hpp"
#include "comm/loss.hpp"
#include "comm/wait.hpp"

namespace atl::comm {

namespace {

constexpr int tag_addend = 1;  // on its way to who adds
constexpr int tag_share = 2;   // on its way to everyone

// A piece is there before its receiver falls asleep, and MPI's counts are int.
constexpr std::size_t longest_piece = std::size_t{1} << 19;
// Pieces of a share that are received at once.
constexpr std::size_t places = 4;

template <class Visit>
void for_each_piece(Part part, std::size_t longest, Visit&& visit) {
  for (std::size_t done = 0; done < part.size; done += longest)
    visit(Part{part.offset + done, std::min(longest, part.size - done)});
}

bool overlap(Part a, Part b) { return a.offset < b.offset + b.size && b.offset < a.offset + a.size; }

std::span<float> piece_of(std::span<float> values, Part part) {
  return values.subspan(part.offset, part.size);
}

void send(Communicator const& comm, std::span<float const> values, int to, int tag, MPI_Request& request) {
  check_mpi(
      MPI_Isend(values.data(), static_cast<int>(values.size()), MPI_FLOAT, to, tag, comm.get(), &request),
      "MPI_Isend");
}

void receive(Communicator const& comm, std::span<float> values, int from, int tag, MPI_Request& request) {
  check_mpi(
      MPI_Irecv(values.data(), static_cast<int>(values.size()), MPI_FLOAT, from, tag, comm.get(), &request),
      "MPI_Irecv");
}

void count(std::size_t elements, bool is_beside) {
  site_traffic.all += elements * sizeof(float);
  if (is_beside) site_traffic.beside += elements * sizeof(float);
}

template <class Visit>
void for_each_other(Communicator const& comm, Visit&& visit) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank != comm.rank()) visit(rank);
  }
}

// Looks twice, as wait_all does.
bool are_complete(std::span<MPI_Request> requests) {
  auto const is_complete = [](MPI_Request& request) {
    int done = 0;
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
  };
  return std::ranges::all_of(requests, is_complete) || std::ranges::all_of(requests, is_complete);
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

Shares::Shares(std::span<std::size_t const> sizes) {
  base::ensure(!sizes.empty(), "shares are of at least one rank");
  std::size_t end = 0;
  for (std::size_t const size : sizes) ends_.push_back(end += size);
}

Shares Shares::equal(std::size_t size, int ranks) {
  auto const parts = static_cast<std::size_t>(ranks);
  std::vector<std::size_t> sizes;
  for (std::size_t r = 0; r < parts; ++r) sizes.push_back(size * (r + 1) / parts - size * r / parts);
  return Shares(sizes);
}

std::size_t Shares::longest() const {
  std::size_t longest = 0, begin = 0;
  for (std::size_t const end : ends_) longest = std::max(longest, end - std::exchange(begin, end));
  return longest;
}

Part Shares::of(int rank, Part part) const {
  auto const r = static_cast<std::size_t>(rank);
  std::size_t const begin = std::max(part.offset, r == 0 ? 0 : ends_.at(r - 1));
  std::size_t const end = std::min(part.offset + part.size, ends_.at(r));
  return begin < end ? Part{begin, end - begin} : Part{};
}

ShareSum::ShareSum(Communicator const& comm, Shares shares)
    : comm_(comm),
      shares_(std::move(shares)),
      others_(static_cast<std::size_t>(comm.size() - 1)),
      piece_elements_(std::min(shares_.longest(), longest_piece / std::max<std::size_t>(1, others_))) {
  base::ensure(shares_.ranks() == comm.size(), "every rank has a share");
  workspace_.resize(places * others_ * piece_elements_);
  receives_.assign(places * others_, MPI_REQUEST_NULL);
}

ShareSum::~ShareSum() { give_up(); }

void ShareSum::begin(std::span<float> values) {
  base::ensure(values.size() == shares_.size(), "shares are the whole vector");
  base::ensure(is_over(), "one sum at a time");
  values_ = values;
  told_ = 0;
}

void ShareSum::ready(Part part) try {
  told_ += part.size;
  if (comm_.size() == 1) return;
  for_each_other(comm_, [&](int other) {
    for_each_piece(shares_.of(other, part), piece_elements_, [&](Part piece) {
      send(comm_, piece_of(values_, piece), other, tag_addend, sends_.emplace_back(MPI_REQUEST_NULL));
    });
  });
  for_each_piece(shares_.of(comm_.rank(), part), piece_elements_,
                 [&](Part piece) { waiting_.push_back(piece); });
  do post();
  while (add_first(/*waits=*/false));
} catch (ProcessLost const&) {
  give_up();
  throw;
}

void ShareSum::finish() try {
  base::ensure(told_ == values_.size(), "all parts of a sum are told of");
  base::Waiting const waiting("MPI_Isend, MPI_Irecv");
  do post();
  while (add_first(/*waits=*/false) || add_first(/*waits=*/true));
  wait_all(comm_.get(), sends_, Patience::short_wait);
  sends_.clear();
} catch (ProcessLost const&) {
  give_up();
  throw;
}

// Receives what there is room for.
void ShareSum::post() {
  for (; posted_.size() < places && !waiting_.empty(); waiting_.pop_front()) {
    std::size_t const place = (added_ + posted_.size()) % places;
    auto const requests = requests_at(place);
    for_each_other(comm_, [&](int other) {
      auto const i = index_of(other);
      receive(comm_, addends_at(place, i).first(waiting_.front().size), other, tag_addend, requests[i]);
    });
    posted_.push_back(waiting_.front());
  }
}

// False where there is none, or it has not come.
bool ShareSum::add_first(bool waits) {
  if (posted_.empty()) return false;
  std::size_t const place = added_ % places;
  auto const requests = requests_at(place);
  if (waits) {
    wait_all(comm_.get(), requests, Patience::short_wait);
  } else if (!are_complete(requests)) {
    return false;
  }
  auto const total = piece_of(values_, posted_.front());
  count(total.size() * others_, !waits);
  add_in_rank_order(
      comm_.size(),
      [&](int rank) {
        return rank == comm_.rank() ? total.data() : addends_at(place, index_of(rank)).data();
      },
      total);
  posted_.pop_front();
  ++added_;
  return true;
}

std::size_t ShareSum::index_of(int other) const {
  return static_cast<std::size_t>(other < comm_.rank() ? other : other - 1);
}

std::span<MPI_Request> ShareSum::requests_at(std::size_t place) {
  return std::span(receives_).subspan(place * others_, others_);
}

std::span<float> ShareSum::addends_at(std::size_t place, std::size_t other) {
  return std::span(workspace_).subspan((place * others_ + other) * piece_elements_, piece_elements_);
}

void ShareSum::give_up() {
  if (is_over()) return;
  comm::give_up(comm_.get(), receives_);
  comm::give_up(comm_.get(), sends_);
  waiting_.clear();
  posted_.clear();
  sends_.clear();
}

ShareSpread::ShareSpread(Communicator const& comm, Shares shares) : comm_(comm), shares_(std::move(shares)) {
  base::ensure(shares_.ranks() == comm.size(), "every rank has a share");
}

ShareSpread::~ShareSpread() { give_up(); }

void ShareSpread::begin(std::span<float> values, std::vector<Part> const& in_order) try {
  base::ensure(values.size() == shares_.size(), "shares are the whole vector");
  base::ensure(is_over(), "one vector at a time is spread");
  for (Part const part : in_order) {
    for_each_other(comm_, [&](int other) {
      for_each_piece(shares_.of(other, part), longest_piece, [&](Part piece) {
        pieces_.push_back(piece);
        receive(comm_, piece_of(values, piece), other, tag_share, receives_.emplace_back(MPI_REQUEST_NULL));
      });
      for_each_piece(shares_.of(comm_.rank(), part), longest_piece, [&](Part piece) {
        send(comm_, piece_of(values, piece), other, tag_share, sends_.emplace_back(MPI_REQUEST_NULL));
      });
    });
  }
} catch (ProcessLost const&) {
  give_up();
  throw;
}

void ShareSpread::wait_for(Part part) try {
  if (is_over()) return;
  base::Waiting const waiting("MPI_Isend, MPI_Irecv");
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (overlap(pieces_[i], part)) wait_for_piece(i);
  }
} catch (ProcessLost const&) {
  give_up();
  throw;
}

void ShareSpread::finish() try {
  if (is_over()) return;
  base::Waiting const waiting("MPI_Isend, MPI_Irecv");
  for (std::size_t i = 0; i < pieces_.size(); ++i) wait_for_piece(i);
  wait_all(comm_.get(), sends_, Patience::short_wait);
  clear();
} catch (ProcessLost const&) {
  give_up();
  throw;
}

void ShareSpread::give_up() {
  if (is_over()) return;
  comm::give_up(comm_.get(), receives_);
  comm::give_up(comm_.get(), sends_);
  clear();
}

void ShareSpread::wait_for_piece(std::size_t i) {
  if (receives_[i] == MPI_REQUEST_NULL) return;
  bool const is_there = are_complete({&receives_[i], 1});
  if (!is_there) wait_all(comm_.get(), {&receives_[i], 1}, Patience::short_wait);
  count(pieces_[i].size, is_there);
}

void ShareSpread::clear() {
  pieces_.clear();
  receives_.clear();
  sends_.clear();
}

}  // namespace atl::comm
