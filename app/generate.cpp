// atoll generate: sampled text from a checkpoint.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "app/commands.hpp"
#include "base/exit_code.hpp"
#include "base/rng.hpp"
#include "data/tokenizer.hpp"
#include "kernels/device.hpp"
#include "kernels/on_host.hpp"
#include "model/transformer.hpp"
#include "train/trained_model.hpp"

namespace atl::app {

namespace {

// Draws a token from softmax(logits / temperature) over the `top_k` likeliest; `u` is uniform in [0, 1).
data::Token draw(std::span<float const> logits, double temperature, int top_k, double u) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto const kept = top_k > 0 ? std::min(order.size(), static_cast<std::size_t>(top_k)) : order.size();
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(kept), std::ranges::greater{},
                            [&](std::size_t id) { return logits[id]; });
  order.resize(kept);
  if (temperature <= 0.0) return static_cast<data::Token>(order.front());

  std::vector<double> weights;
  for (std::size_t const id : order) {
    weights.push_back(std::exp(
        (static_cast<double>(logits[id]) - static_cast<double>(logits[order.front()])) / temperature));
  }
  double rest = u * std::reduce(weights.begin(), weights.end());
  for (std::size_t i = 0; i < order.size(); ++i) {
    rest -= weights[i];
    if (rest < 0.0) return static_cast<data::Token>(order[i]);
  }
  return static_cast<data::Token>(order.back());
}

// Counts lines that hold something.
class LineCounter {
 public:
  void add(std::string_view text) {
    for (char const c : text) {
      if (c == '\n') {
        full_ += has_content_ ? 1 : 0;
        has_content_ = false;
      } else if (c != ' ') {
        has_content_ = true;
      }
    }
  }
  int full() const { return full_; }

 private:
  int full_ = 0;
  bool has_content_ = false;
};

}  // namespace

int run_command(GenerateFlags const& flags) {
  kernels::Device const device;
  auto trained = train::load_model(flags.checkpoint);
  auto const parameters = kernels::copy_of("parameters", std::exchange(trained.parameters, {}));
  auto const tokenizer = data::load_tokenizer(trained.config.data.tokenizer);
  kernels::Exec const exec;
  model::Transformer model(exec, train::model_here(trained.config.model), trained.table, 1);

  auto const prompt = tokenizer->encode(flags.prompt);
  std::vector<std::int32_t> context{static_cast<std::int32_t>(tokenizer->bos_id())};
  context.insert(context.end(), prompt.begin(), prompt.end());
  std::vector<float> logits(static_cast<std::size_t>(trained.config.model.vocab));
  base::Philox const random{flags.seed};
  // A model may have room for more tokens than its tokenizer knows, which is none where there is no
  // tokenizer.
  auto const known_tokens =
      tokenizer->vocab_size() > 0 ? static_cast<std::size_t>(tokenizer->vocab_size()) : logits.size();
  LineCounter lines;

  // With --lines alone, a bound that only a model which never ends a line will meet.
  int const most_tokens = flags.tokens > 0 ? flags.tokens : (flags.lines > 0 ? 200 * flags.lines : 400);

  fmt::print("{}", flags.prompt);
  auto const window = static_cast<std::size_t>(trained.config.model.context);
  for (int n = 0; n < most_tokens && (flags.lines == 0 || lines.full() < flags.lines); ++n) {
    auto const seen = std::span(context).last(std::min(window, context.size()));
    model.next_token_logits(seen, 1, static_cast<int>(seen.size()), parameters, logits);
    // Ids beyond the tokenizer's exist where model.vocab was rounded up; they mean nothing.
    auto const known = std::span(logits).first(known_tokens);
    auto const token =
        draw(known, flags.temperature, flags.top_k, random.uniform(0, static_cast<std::uint64_t>(n)));
    context.push_back(token);
    auto const text = tokenizer->decode(std::span(&token, 1));
    lines.add(text);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  fmt::print("\n");
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
