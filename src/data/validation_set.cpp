#include "data/validation_set.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "data/token_file.hpp"

namespace atl::data {

ValidationSet::ValidationSet(ValidationOptions const& options)
    : sequences_(options.sequences), context_(options.context) {
  TokenFile const file(options.file, options.vocab);
  auto const context = static_cast<std::uint64_t>(context_);
  auto const batch_tokens = context * static_cast<std::uint64_t>(sequences_);
  auto const batches = (file.size() - 1) / batch_tokens;
  if (batches == 0) {
    throw base::InputError(
        options.file.string(),
        fmt::format(
            "holds {} tokens, too few for one batch of {} sequences of {} tokens and the one that follows",
            file.size(), sequences_, context_),
        "prepare more text or a larger validation fraction, or make inner.batch or model.context smaller");
  }
  count_ = static_cast<int>(std::min(batches, static_cast<std::uint64_t>(options.batches)));

  std::vector<Token> text(batch_tokens * static_cast<std::uint64_t>(count_) + 1);
  file.read(0, text);
  tokens_.assign(text.begin(), text.end() - 1);
  targets_.assign(text.begin() + 1, text.end());
}

Batch ValidationSet::get(int batch) const {
  base::ensure(batch >= 0 && batch < count_, "the validation set has this batch");
  auto const ids = static_cast<std::size_t>(sequences_) * static_cast<std::size_t>(context_);
  auto const first = static_cast<std::size_t>(batch) * ids;
  return {std::span(tokens_).subspan(first, ids), std::span(targets_).subspan(first, ids), sequences_,
          context_};
}

}  // namespace atl::data
