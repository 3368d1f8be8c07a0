// Fibers for the threads of a block, and what warps do together. One process-wide machine: tests run one case
// at a time.
#undef _FORTIFY_SOURCE  // which takes a jump to another stack for a mistake
#include "emulation.hpp"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace atl::kernels::cuda {
namespace emulation {
namespace {

constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::size_t most_shared_bytes = 227 * 1024;  // that a block may ask for on sm_90

// A stack and the place at which what runs on it will go on. setcontext() begins it, which asks the kernel
// about signals; from then on jumps, which do not, go to and fro.
struct Fiber {
  bool has_begun = false;
  jmp_buf place;
  ucontext_t begin;
  std::unique_ptr<std::byte[]> stack;
#if defined(__SANITIZE_ADDRESS__)
  void const* bottom = nullptr;
  std::size_t size = 0;
  void* shadow = nullptr;
#endif
};

struct Copy {
  void* to;
  void const* from;
  std::size_t bytes;
  bool is_there;
};

struct Warp {
  std::uint32_t ready = 0;    // lanes that can go on
  std::uint32_t arrived = 0;  // lanes that wait for the rest of the warp
  Exchange exchange = nullptr;
  void* brought[32] = {};
};

struct Machine {
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::vector<std::vector<Copy>> copies;  // of each thread
  std::size_t arrived = 0, ended = 0;     // threads at the block's barrier, and those that are through
  std::vector<unsigned char> memory;
  unsigned char* shared = nullptr;
  std::size_t shared_bytes = 0;
  std::function<void()> const* thread = nullptr;
  std::exception_ptr error;
  Fiber host;
  Fiber *current = nullptr, *left = nullptr;
};
Machine* machine = nullptr;

[[noreturn]] void fail(std::string const& what) {
  throw std::logic_error("emulated CUDA, block " + std::to_string(block_index.x) + ", thread " +
                         std::to_string(thread_index.x) + ": " + what);
}

void arrive() {
#if defined(__SANITIZE_ADDRESS__)
  Fiber& left = *machine->left;  // of the host's stack this alone tells where it is
  __sanitizer_finish_switch_fiber(machine->current->shadow, &left.bottom, &left.size);
#endif
}

__attribute__((noinline)) void switch_to(Fiber& next) {
  Fiber& here = *machine->current;
  machine->current = &next;
#if defined(__SANITIZE_ADDRESS__)
  machine->left = &here;
  __sanitizer_start_switch_fiber(&here.shadow, next.bottom, next.size);
#endif
  if (_setjmp(here.place) == 0) {
    if (next.has_begun) _longjmp(next.place, 1);
    next.has_begun = true;
    setcontext(&next.begin);
  }
  arrive();
}

// Goes on with a thread that can, or with the host where none can.
void go_on() {
  auto& warps = machine->warps;
  bool const is_up = order == Order::ascending;
  for (std::size_t i = 0; i < warps.size(); ++i) {
    std::size_t const w = is_up ? i : warps.size() - 1 - i;
    std::uint32_t const ready = warps[w].ready;
    if (ready == 0) continue;
    int const lane = is_up ? std::countr_zero(ready) : 31 - std::countl_zero(ready);
    thread_index.x = static_cast<unsigned>(w) * 32 + static_cast<unsigned>(lane);
    Fiber& next = machine->fibers[thread_index.x];
    if (&next != machine->current) switch_to(next);
    return;
  }
  switch_to(machine->host);
}

std::uint32_t lane_bit() { return 1U << thread_index.x % 32; }
Warp& warp() { return machine->warps[thread_index.x / 32]; }

void wait() {
  warp().ready &= ~lane_bit();
  go_on();
}

// A fiber's life: its thread in one block after the other.
void live() {
  arrive();
  for (;;) {
    try {
      (*machine->thread)();
      if (!machine->copies[thread_index.x].empty()) fail("ends before its copies have arrived");
    } catch (...) {
      machine->error = std::current_exception();
    }
    if (machine->error != nullptr) {
      switch_to(machine->host);
    } else {
      ++machine->ended;
      wait();
    }
  }
}

void begin_block() {
  std::size_t const threads = machine->fibers.size();
  machine->arrived = machine->ended = 0;
  for (Warp& w : machine->warps) w = Warp{.ready = ~0U};
  std::fill(machine->memory.begin(), machine->memory.end(), std::uint8_t{0xFF});
  go_on();
  if (machine->error != nullptr) std::rethrow_exception(machine->error);
  if (machine->ended != threads) {
    throw std::logic_error("emulated CUDA, block " + std::to_string(block_index.x) +
                           ": threads wait for others that never come");
  }
}

void require_shared(void const* place, std::size_t bytes) {
  auto const* const at = static_cast<unsigned char const*>(place);
  if (at < machine->shared || at + bytes > machine->shared + machine->shared_bytes) {
    fail("an address outside of the block's shared memory");
  }
  if (reinterpret_cast<std::uintptr_t>(place) % bytes != 0) fail("an address that is not aligned");
}

std::uint16_t element(void const* row, int i) {
  std::uint16_t bits;
  std::memcpy(&bits, static_cast<unsigned char const*>(row) + 2 * i, 2);
  return bits;
}
std::uint32_t both(std::uint16_t lower, std::uint16_t upper) {
  return lower | static_cast<std::uint32_t>(upper) << 16U;
}
float lower(std::uint32_t pair) { return std::bit_cast<float>(pair << 16U); }
float upper(std::uint32_t pair) { return std::bit_cast<float>(pair & 0xFFFF0000U); }

void load(void* const (&brought)[32], bool is_transposed) {
  auto const row_of = [&](int matrix, int row) { return static_cast<Load*>(brought[8 * matrix + row])->row; };
  for (int m = 0; m < 4; ++m) {
    std::uint32_t banks = 0;
    for (int r = 0; r < 8; ++r) {
      require_shared(row_of(m, r), 16);
      banks |= 1U << reinterpret_cast<std::uintptr_t>(row_of(m, r)) / 16 % 8;
    }
    bank_conflicts += banks != 0xFF;
    for (int l = 0; l < 32; ++l) {
      int const i = l / 4, j = 2 * (l % 4);
      static_cast<Load*>(brought[l])->to[m] =
          is_transposed ? both(element(row_of(m, j), i), element(row_of(m, j + 1), i))
                        : both(element(row_of(m, i), j), element(row_of(m, i), j + 1));
    }
  }
}

}  // namespace

void run(Grid const& grid, std::function<void()> const& thread) {
  if (grid.threads % 32 != 0 || grid.threads > 1024)
    throw std::logic_error("emulated CUDA: a block of that size");
  if (grid.shared_bytes > most_shared_bytes) throw std::logic_error("emulated CUDA: too much shared memory");
  auto const threads = static_cast<std::size_t>(grid.threads);
  Machine all;
  machine = &all;
  all.thread = &thread;
  all.fibers = std::vector<Fiber>(threads);
  all.warps.resize(threads / 32);
  all.copies.resize(threads);
  all.memory.resize(grid.shared_bytes + 1024);
  all.shared = all.memory.data() + (1024 - reinterpret_cast<std::uintptr_t>(all.memory.data()) % 1024);
  all.shared_bytes = grid.shared_bytes;
  all.current = &all.host;
  all.host.has_begun = true;
  for (Fiber& fiber : all.fibers) {
    fiber.stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
    getcontext(&fiber.begin);
    fiber.begin.uc_stack.ss_sp = fiber.stack.get();
    fiber.begin.uc_stack.ss_size = stack_bytes;
    fiber.begin.uc_link = nullptr;
    makecontext(&fiber.begin, live, 0);
#if defined(__SANITIZE_ADDRESS__)
    fiber.bottom = fiber.stack.get();
    fiber.size = stack_bytes;
#endif
  }
  for (std::size_t i = 0; i < grid.blocks; ++i) {
    block_index.x = static_cast<unsigned>(order == Order::ascending ? i : grid.blocks - 1 - i);
    begin_block();
  }
}

void meet_block() {
  if (++machine->arrived < machine->fibers.size()) return wait();
  machine->arrived = 0;
  for (Warp& w : machine->warps) w.ready = ~0U;
}

void meet_warp(Exchange exchange, void* brought) {
  Warp& w = warp();
  if (w.arrived != 0 && w.exchange != exchange) fail("the lanes of a warp do different things together");
  w.exchange = exchange;
  w.brought[thread_index.x % 32] = brought;
  w.arrived |= lane_bit();
  if (w.arrived != ~0U) return wait();
  w.arrived = 0;
  exchange(w.brought);
  w.ready = ~0U;
}

unsigned char* shared_memory() { return machine->shared; }

void start_copy(void* to, void const* from, std::size_t bytes, bool is_there) {
  require_shared(to, bytes);
  if (reinterpret_cast<std::uintptr_t>(from) % bytes != 0) fail("copies from where it is not aligned");
  std::memset(to, 0xFF, bytes);
  machine->copies[thread_index.x].push_back({to, from, bytes, is_there});
}

void finish_copies() {
  for (Copy const& copy : machine->copies[thread_index.x]) {
    if (copy.is_there) {
      std::memcpy(copy.to, copy.from, copy.bytes);
    } else {
      std::memset(copy.to, 0, copy.bytes);
    }
  }
  machine->copies[thread_index.x].clear();
}

void load_matrices(void* const (&brought)[32]) { load(brought, false); }
void load_matrices_transposed(void* const (&brought)[32]) { load(brought, true); }

// Products of bf16 are exact in floats; a tensor core's sums are more exact than a float's, but how is not
// documented.
void multiply_add(void* const (&brought)[32]) {
  auto const lane = [&](int i) -> MultiplyAdd& { return *static_cast<MultiplyAdd*>(brought[i]); };
  float a[16][16], b[8][16];  // b transposed
  for (int l = 0; l < 32; ++l) {
    int const g = l / 4, t = 2 * (l % 4);
    for (int i = 0; i < 4; ++i) {
      a[g + i % 2 * 8][t + i / 2 * 8] = lower(lane(l).a[i]);
      a[g + i % 2 * 8][t + i / 2 * 8 + 1] = upper(lane(l).a[i]);
    }
    for (int i = 0; i < 2; ++i) {
      b[g][t + 8 * i] = lower(lane(l).b[i]);
      b[g][t + 8 * i + 1] = upper(lane(l).b[i]);
    }
  }
  for (int l = 0; l < 32; ++l) {
    for (int i = 0; i < 4; ++i) {
      float const* const row = a[l / 4 + i / 2 * 8];
      float const* const column = b[2 * (l % 4) + i % 2];
      double sum = lane(l).sums[i];
      for (int k = 0; k < 16; ++k) sum += static_cast<double>(row[k]) * static_cast<double>(column[k]);
      lane(l).sums[i] = static_cast<float>(sum);
    }
  }
}

void shuffle(void* const (&brought)[32]) {
  for (void* const one : brought) {
    auto& lane = *static_cast<Shuffle*>(one);
    lane.result = static_cast<Shuffle*>(brought[lane.from])->value;
  }
}

}  // namespace emulation

std::uint32_t pack_bf16(float lower, float upper) {
  auto const rounded = [](float x) {
    auto const bits = std::bit_cast<std::uint32_t>(x);
    return x != x ? 0x7FFFU : (bits + 0x7FFFU + (bits >> 16U & 1U)) >> 16U;
  };
  return rounded(lower) | rounded(upper) << 16U;
}

}  // namespace atl::kernels::cuda
