// What sums and spreading by shares promise (shares_test.cpp), between GPUs by NCCL. Each case says how many
// GPUs it wants, and is skipped where there are fewer. NCCL from 2.30 on takes several ranks a GPU where it
// is told to (NCCL_MULTI_RANK_GPU_ENABLE=1): then one GPU does for all.
#include "comm/nccl/gpu_shares.hpp"

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "mpi/share_cases.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"
#include "support/session.hpp"

using namespace atl;
using comm::Communicator;
using comm::Part;
using comm::Shares;
using test::same_bits;
using test::Sizes;
using test::Vector;

namespace {

void check_cuda(cudaError_t code) {
  if (code != cudaSuccess) throw base::RuntimeFailure(cudaGetErrorString(code));
}

// Collective. Each rank takes a GPU, or the case is skipped.
bool lacks_gpus(int wanted) {
  char const* const word = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
  if (word != nullptr && std::string_view(word) == "1") wanted = 1;
  int gpus = 0;
  if (cudaGetDeviceCount(&gpus) != cudaSuccess) gpus = 0;
  if (!test::all_ranks(gpus >= wanted)) {
    test::skip("wants " + std::to_string(wanted) + " GPUs, and here are " + std::to_string(gpus));
    return true;
  }
  check_cuda(cudaSetDevice(test::rank() % gpus));
  return false;
}

// One that waits for nobody, as a stream that computes.
class Stream {
 public:
  Stream() { check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  operator cudaStream_t() const { return stream_; }
  void wait() const { check_cuda(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

// A vector on the GPU. What it is told goes into the stream.
class OnGpu {
 public:
  OnGpu(Vector const& values, Stream const& stream) : size_(values.size()), stream_(stream) {
    check_cuda(cudaMalloc(&memory_, std::max<std::size_t>(1, size_) * sizeof(float)));
    check_cuda(cudaMemcpy(memory_, values.data(), size_ * sizeof(float), cudaMemcpyHostToDevice));
    check_cuda(cudaDeviceSynchronize());  // the stream does not wait for the copy by itself
  }
  ~OnGpu() { cudaFree(memory_); }
  OnGpu(OnGpu const&) = delete;
  OnGpu& operator=(OnGpu const&) = delete;

  // Where they are on the device.
  std::span<float> addresses() const { return {static_cast<float*>(memory_), size_}; }
  void copy_from(OnGpu const& other, Part part) {
    check_cuda(cudaMemcpyAsync(addresses().data() + part.offset, other.addresses().data() + part.offset,
                               part.size * sizeof(float), cudaMemcpyDeviceToDevice, stream_));
  }
  Vector values(Part part) const {
    Vector found(part.size);
    check_cuda(cudaMemcpyAsync(found.data(), addresses().data() + part.offset, part.size * sizeof(float),
                               cudaMemcpyDeviceToHost, stream_));
    stream_.wait();
    return found;
  }
  Vector values() const { return values({0, size_}); }

 private:
  void* memory_ = nullptr;
  std::size_t size_;
  Stream const& stream_;
};

Vector part_of(Vector const& values, Part part) {
  auto const begin = values.begin() + static_cast<std::ptrdiff_t>(part.offset);
  return {begin, begin + static_cast<std::ptrdiff_t>(part.size)};
}

// This rank's vector after a sum; what is not told of yet is still being written.
Vector summed(comm::GpuShareSum& sum, OnGpu const& mine, std::vector<Part> const& parts,
              Stream const& compute) {
  OnGpu values(Vector(mine.addresses().size(), 0.0f), compute);
  sum.begin(values.addresses());
  for (Part const known : parts) {
    values.copy_from(mine, known);
    sum.ready(known);
  }
  sum.finish();
  return values.values();
}

// Two addends have one sum; of more the order is NCCL's, and what it rounds is bounded by their sizes.
bool is_sum(Vector const& found, int ranks) {
  Vector const expected = test::serial_sum(ranks, found.size());
  if (ranks <= 2) return same_bits(found, expected);
  Vector sizes(found.size(), 0.0f);
  for (int rank = 0; rank < ranks; ++rank) {
    Vector const addend = test::gradients_of(rank, found.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] += std::abs(addend[i]);
  }
  float const tolerance = 0x1p-22f * static_cast<float>(ranks);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!(std::abs(found[i] - expected[i]) <= tolerance * sizes[i])) return false;
  }
  return true;
}

// Every rank's share of what it has, spread: the same on all, whatever is still on its way while a part is
// read.
Vector spread_shares(Communicator const& site, Sizes const& sizes, Vector const& before,
                     std::vector<Part> const& parts, Stream const& compute) {
  OnGpu const values(before, compute);
  comm::GpuShareSpread spread(site, Shares(sizes), compute);
  spread.begin(values.addresses(), parts);
  std::vector<Vector> as_they_came;
  for (Part const needed : parts) {
    spread.wait_for(needed);
    as_they_came.push_back(values.values(needed));
  }
  spread.finish();
  auto after = values.values();
  for (std::size_t i = 0; i < parts.size(); ++i) CHECK(same_bits(as_they_came[i], part_of(after, parts[i])));
  site.barrier();  // whoever leaves waits for nobody
  return after;
}

void check_shares() {
  if (lacks_gpus(test::ranks())) return;
  auto const site = Communicator::duplicate(MPI_COMM_WORLD);
  Stream const compute;
  for (Sizes const& sizes : test::cuts_for(static_cast<std::size_t>(site.size()))) {
    Shares const shares(sizes);
    std::size_t const size = shares.size();
    Part const own = shares.of(site.rank(), {0, size});
    Vector const mine = test::gradients_of(site.rank(), size);
    OnGpu const on_gpu(mine, compute);
    comm::GpuShareSum sum(site, shares, compute), another(site, shares, compute);
    for (std::size_t const part : {size, size / 3 + 1, std::size_t{300007}}) {
      INFO(size << " elements in parts of " << part);
      auto const parts = test::parts_backwards(size, std::max<std::size_t>(1, part));
      Vector const found = summed(sum, on_gpu, parts, compute);
      REQUIRE(test::all_ranks(same_bits(found, summed(sum, on_gpu, parts, compute))));
      REQUIRE(test::all_ranks(same_bits(found, summed(another, on_gpu, parts, compute))));

      // What others own is theirs.
      Vector others = found;
      std::copy_n(mine.begin() + static_cast<std::ptrdiff_t>(own.offset), own.size,
                  others.begin() + static_cast<std::ptrdiff_t>(own.offset));
      REQUIRE(test::all_ranks(same_bits(others, mine)));

      Vector const spread = spread_shares(site, sizes, found, parts, compute);
      Vector of_first = spread;
      site.broadcast(std::as_writable_bytes(std::span(of_first)), 0);
      REQUIRE(test::all_ranks(same_bits(spread, of_first)));
      REQUIRE(test::all_ranks(same_bits(part_of(spread, own), part_of(found, own))));
      REQUIRE(test::all_ranks(is_sum(spread, site.size())));
    }
  }
}

// Ones, summed in thirds: what a rank owns of it.
Vector sum_of_ones(comm::GpuShareSum& sum, Part own, Stream const& compute) {
  constexpr std::size_t third = 1'000'000;
  OnGpu const ones(Vector(3 * third, 1.0f), compute);
  sum.begin(ones.addresses());
  for (std::size_t i = 0; i < 3; ++i) sum.ready({i * third, third});
  sum.finish();
  return ones.values(own);
}

}  // namespace

TEST_CASE("what one stream has computed is there for another that waits for it", "[mpi][np1]") {
  if (lacks_gpus(1)) return;
  constexpr std::size_t size = std::size_t{1} << 24;
  Stream const first, second;
  OnGpu const source(Vector(size, 3.0f), first);
  OnGpu target(Vector(size, 1.0f), first);
  OnGpu copy(Vector(size, 2.0f), second);
  for (int round = 0; round < 20; ++round) target.copy_from(source, {0, size});
  comm::GpuEvent const is_there;
  is_there.record(first);
  is_there.hold_back(second);
  copy.copy_from(target, {0, size});
  CHECK(copy.values() == Vector(size, 3.0f));
}

TEST_CASE("on one rank a sum is what it was, and nothing is spread", "[mpi][np1]") { check_shares(); }

TEST_CASE("GPUs sum by shares, and spread, as hosts do, to the bit, on 2 ranks", "[mpi][np2]") {
  check_shares();
}

TEST_CASE("GPUs sum by shares, and spread, the same in every run, on 4 ranks", "[mpi][np4]") {
  check_shares();
}

TEST_CASE("two ranks of a site that have taken one GPU are refused before NCCL is asked", "[mpi][np2]") {
  if (lacks_gpus(1)) return;
  check_cuda(cudaSetDevice(0));
  ::unsetenv("NCCL_MULTI_RANK_GPU_ENABLE");
  auto const site = Communicator::duplicate(MPI_COMM_WORLD);
  std::string message;
  try {
    comm::GpuSite const refused(site);
  } catch (base::InputError const& error) {
    message = error.what();
  }
  REQUIRE(test::all_ranks(message.find("ranks 0, 1 share GPU ") != message.npos));
}

TEST_CASE("a rank is killed while GPUs sum: the others hear of it and go on as a smaller site",
          "[mpi][np4]") {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  if (lacks_gpus(test::ranks())) return;
  auto const site = Communicator::duplicate(MPI_COMM_WORLD);
  Stream const compute;
  auto const shares = Shares::equal(3'000'000, site.size());
  comm::GpuShareSum sum(site, shares, compute);
  Part const whole{0, shares.size()};
  auto const ones = sum_of_ones(sum, shares.of(site.rank(), whole), compute);
  REQUIRE(test::all_ranks(ones == Vector(ones.size(), 4.0f)));

  if (test::rank() == 1) std::raise(SIGKILL);
  bool is_noticed = false;
  for (int i = 0; i < 1000 && !is_noticed; ++i) {
    try {
      sum_of_ones(sum, shares.of(site.rank(), whole), compute);
    } catch (comm::ProcessLost const&) {
      is_noticed = true;
    }
  }
  sum.give_up();
  auto const rest = site.survivors();
  test::go_on_without_the_lost();
  REQUIRE(test::all_ranks(is_noticed));
  REQUIRE(test::all_ranks(rest.size() == test::ranks() - 1));

  auto const fewer = Shares::equal(whole.size, rest.size());
  comm::GpuShareSum anew(rest, fewer, compute);
  auto const now = sum_of_ones(anew, fewer.of(rest.rank(), whole), compute);
  REQUIRE(test::all_ranks(now == Vector(now.size(), 3.0f)));
}
