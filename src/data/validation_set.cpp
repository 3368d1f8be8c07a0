#include "data/validation_set.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace atl::data {

ValidationSet::ValidationSet(ValidationOptions const& options)
    : sequences_(options.sequences), context_(options.context) {
  auto const context = static_cast<std::size_t>(context_), sequences = static_cast<std::size_t>(sequences_);
  auto const wanted = sequences * static_cast<std::size_t>(options.batches);
  auto const mixture = mixture_of(options.sources);
  std::vector<Token> window(context + 1);
  std::size_t windows = 0;
  for (; windows < wanted; ++windows) {
    auto const [source, index] = mixture(windows);
    auto const& range = options.sources[source].range;
    if (index >= range.windows(context)) break;
    range.file->read(range.first + index * context, window);
    tokens_.insert(tokens_.end(), window.begin(), window.end() - 1);
    targets_.insert(targets_.end(), window.begin() + 1, window.end());
  }
  count_ = static_cast<int>(windows / sequences);
  if (count_ > 0) return;
  auto const& last = options.sources[mixture(windows).source].range;
  throw base::InputError(
      last.file->path().string(),
      fmt::format(
          "holds {} tokens, too few for one batch of {} sequences of {} tokens and the one that follows",
          last.tokens, sequences_, context_),
      "prepare more text or a larger validation fraction, or make inner.batch or model.context smaller");
}

Batch ValidationSet::get(int batch) const {
  base::ensure(batch >= 0 && batch < count_, "the validation set has this batch");
  auto const ids = static_cast<std::size_t>(sequences_) * static_cast<std::size_t>(context_);
  auto const first = static_cast<std::size_t>(batch) * ids;
  return {std::span(tokens_).subspan(first, ids), std::span(targets_).subspan(first, ids), sequences_,
          context_};
}

}  // namespace atl::data
