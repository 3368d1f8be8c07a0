// The training batches of one rank, read ahead by a thread of their own, with an exact cursor.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/archive.hpp"
#include "data/batch.hpp"
#include "data/token_range.hpp"

namespace atl::data {

struct StreamOptions {
  std::vector<WeightedRange> sources;
  std::uint64_t seed = 1;
  int site = 0;             // among all sites
  int sites = 1;            // how many of them share the sources; 1 where every site has its own
  int batch_sequences = 8;  // of the whole site, every step
  int first_sequence = 0;   // this rank's slice of them
  int sequences = 8;
  int context = 256;  // T
};

// A source is cut into windows of T + 1 tokens that begin T apart, so that every token but the first is a
// target once an epoch. Window i belongs to site i mod `sites`. In every epoch of a source a site takes its
// windows in an order that follows from (seed, site, source, epoch) alone; epochs follow one another without
// a seam. From which source a sequence comes follows from its number alone (Mixture). So the n-th sequence
// that a site ever takes follows from (seed, site, n), however many ranks it has and whatever other sites do.
// Step s takes the sequences s * batch_sequences and following, every rank a contiguous slice.
class TokenStream {
 public:
  // Throws InputError for a source too small to give every site one window.
  explicit TokenStream(StreamOptions options);
  TokenStream(TokenStream const&) = delete;
  TokenStream& operator=(TokenStream const&) = delete;

  // Local. This rank's slice of the next step's batch, valid until the next call of any function. Waits only
  // where the disk is slower than training; allocates nothing. Throws what went wrong in the reading thread.
  Batch next();

  // Sequences that the whole site has taken: those of the batches that next() returned, none read ahead.
  std::uint64_t cursor() const { return cursor_; }
  void seek(std::uint64_t cursor);

  std::uint64_t epoch_sequences() const;  // of this site: its windows of all sources

  void save(base::Writer& writer) const;
  // Throws InputError where the state was saved with other training text.
  void load(base::Reader const& reader);

 private:
  static constexpr std::size_t slots = 4;  // one with the caller, three ahead

  struct Slot {
    std::vector<std::int32_t> tokens, targets;
  };

  void start_reading();
  void read_ahead(std::stop_token const& stop);
  void fill(Slot& slot, std::uint64_t first_sequence);
  std::uint64_t window_of(std::size_t source, std::uint64_t index) const;
  std::string text_digest() const;

  StreamOptions options_;
  Mixture mixture_;
  std::vector<std::uint64_t> windows_;  // of this site, in every source
  std::uint64_t cursor_ = 0;
  std::uint64_t start_ = 0;  // the cursor when reading started

  std::array<Slot, slots> slots_;  // batch n since the start is in slot n mod slots
  std::vector<Token> window_;      // the reading thread's

  std::mutex mutex_;  // of what follows
  std::condition_variable_any changed_;
  std::uint64_t filled_ = 0, taken_ = 0, released_ = 0;  // batches since the start
  std::exception_ptr failure_;

  std::jthread reader_;  // last, so that it ends before what it uses
};

}  // namespace atl::data
