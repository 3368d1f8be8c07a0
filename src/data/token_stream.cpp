#include "data/token_stream.hpp"

#include <fmt/format.h>

#include <numeric>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "data/permutation.hpp"

namespace atl::data {

TokenStream::TokenStream(StreamOptions options)
    : options_(std::move(options)), mixture_(mixture_of(options_.sources)) {
  base::ensure(options_.sites > 0 && options_.context > 0 && options_.sequences > 0 &&
                   options_.first_sequence >= 0 &&
                   options_.first_sequence + options_.sequences <= options_.batch_sequences,
               "a rank's sequences lie within its site's batch");
  auto const context = static_cast<std::uint64_t>(options_.context);
  auto const sites = static_cast<std::uint64_t>(options_.sites);
  auto const site = static_cast<std::uint64_t>(options_.site) % sites;
  for (auto const& [range, weight] : options_.sources) {
    auto const all_windows = range.windows(context);
    if (all_windows < sites) {
      throw base::InputError(
          range.file->path().string(),
          fmt::format(
              "holds {} tokens, too few to give {} site{} a sequence of {} tokens and the one that follows",
              range.tokens, sites, sites == 1 ? "" : "s", context),
          "prepare more text, or make model.context smaller");
    }
    windows_.push_back((all_windows - site + sites - 1) / sites);
  }

  auto const ids = static_cast<std::size_t>(options_.sequences) * context;
  for (auto& slot : slots_) {
    slot.tokens.resize(ids);
    slot.targets.resize(ids);
  }
  window_.resize(context + 1);
  start_reading();
}

Batch TokenStream::next() {
  std::unique_lock lock(mutex_);
  released_ = taken_;  // the caller is done with the batch before
  changed_.notify_all();
  changed_.wait(lock, [&] { return filled_ > taken_ || failure_; });
  if (filled_ == taken_) std::rethrow_exception(failure_);
  auto const& slot = slots_[taken_++ % slots];
  cursor_ += static_cast<std::uint64_t>(options_.batch_sequences);
  return {slot.tokens, slot.targets, options_.sequences, options_.context};
}

void TokenStream::seek(std::uint64_t cursor) {
  reader_ = {};  // stops and joins
  cursor_ = cursor;
  start_reading();
}

void TokenStream::start_reading() {
  start_ = cursor_;
  filled_ = taken_ = released_ = 0;
  failure_ = nullptr;
  reader_ = std::jthread([this](std::stop_token const& stop) { read_ahead(stop); });
}

void TokenStream::read_ahead(std::stop_token const& stop) {
  try {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return filled_ - released_ < slots; }) && !stop.stop_requested()) {
      std::uint64_t const batch = filled_;
      lock.unlock();
      fill(slots_[batch % slots], start_ + batch * static_cast<std::uint64_t>(options_.batch_sequences));
      lock.lock();
      ++filled_;
      changed_.notify_all();
    }
  } catch (...) {
    std::scoped_lock const lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

void TokenStream::fill(Slot& slot, std::uint64_t first_sequence) {
  auto const context = static_cast<std::size_t>(options_.context);
  auto const first = first_sequence + static_cast<std::uint64_t>(options_.first_sequence);
  for (std::size_t b = 0; b < static_cast<std::size_t>(options_.sequences); ++b) {
    auto const [source, index] = mixture_(first + b);
    auto const& range = options_.sources[source].range;
    range.file->read(range.first + window_of(source, index) * context, window_);
    for (std::size_t t = 0; t < context; ++t) {
      slot.tokens[b * context + t] = static_cast<std::int32_t>(window_[t]);
      slot.targets[b * context + t] = static_cast<std::int32_t>(window_[t + 1]);
    }
  }
}

std::uint64_t TokenStream::window_of(std::size_t source, std::uint64_t index) const {
  auto const sites = static_cast<std::uint64_t>(options_.sites);
  auto const site = static_cast<std::uint64_t>(options_.site);
  std::uint64_t const epoch = index / windows_[source];
  Permutation const order(windows_[source], options_.seed, site << 40 | source << 32 | epoch);
  return order(index % windows_[source]) * sites + site % sites;
}

std::uint64_t TokenStream::epoch_sequences() const {
  return std::accumulate(windows_.begin(), windows_.end(), std::uint64_t{0});
}

// Of the text and the shares of its parts. Seed, context and the number of sites decide too; what may change of
// them on resume changes the order of the sequences to come.
std::string TokenStream::text_digest() const {
  std::string sources;
  for (std::size_t k = 0; k < options_.sources.size(); ++k) {
    auto const& range = options_.sources[k].range;
    sources += fmt::format("{} {}+{} {}/{}\n", range.file->digest().hex(), range.first, range.tokens,
                           mixture_.units(k), mixture_.period());
  }
  return base::digest_of(std::string_view(sources)).hex();
}

void TokenStream::save(base::Writer& writer) const {
  writer.write("cursor", cursor_);
  writer.write("text_digest", std::string_view(text_digest()));
}

void TokenStream::load(base::Reader const& reader) {
  if (reader.read_text("text_digest") != text_digest()) {
    throw base::InputError(options_.sources.front().range.file->path().string(),
                           "is not the training text that this state was saved with",
                           "resume with the dataset of the run, or begin a new run");
  }
  seek(reader.read_uint("cursor"));
}

}  // namespace atl::data
