// The model and its optimizer against PyTorch (tests/peers), to 1e-4 of the largest element of each array.
#include "golden.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "model/parameters.hpp"
#include "optim/clip.hpp"
#include "optim/inner_optimizer.hpp"
#include "optim/lr_schedule.hpp"
#include "small_model.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

constexpr double tolerance = 1e-4;

// A golden model with its initial parameters in place.
struct GoldenModel : test::Golden, test::SmallModel {
  explicit GoldenModel(std::string const& name) : Golden(test::read_golden(name)), SmallModel(Golden::model) {
    test::from_host(flat("initial", table), params);
  }

  model::Batch batch(int step) const {
    auto const size = static_cast<std::size_t>(sequences) * static_cast<std::size_t>(section.context);
    auto const begin = static_cast<std::size_t>(step) * size;
    return {std::span(integers.at("tokens")).subspan(begin, size),
            std::span(integers.at("targets")).subspan(begin, size), sequences, section.context};
  }
};

double counted(model::Batch const& batch) {
  return static_cast<double>(batch.targets.size()) -
         static_cast<double>(std::ranges::count(batch.targets, -1));
}

// A bias of the keys adds the same to all scores of a query: its true gradient is zero, what is computed of
// it rounding, and AdamW goes by its sign.
bool is_idle(tensor::Tensor const& tensor) { return tensor.name.ends_with("key_bias"); }

std::vector<float> values_of(tensor::Tensor const& tensor, std::vector<float> const& flat) {
  auto const begin = flat.begin() + static_cast<std::ptrdiff_t>(tensor.range.offset);
  return {begin, begin + static_cast<std::ptrdiff_t>(tensor.size())};
}

void check_tensors(tensor::ParamTable const& table, std::vector<float> const& ours,
                   std::vector<float> const& theirs) {
  for (auto const& tensor : table.tensors()) {
    if (is_idle(tensor)) continue;
    INFO(tensor.name);
    CHECK(test::relative_error(values_of(tensor, ours), values_of(tensor, theirs)) < tolerance);
  }
}

}  // namespace

TEST_CASE("loss and every gradient tensor are PyTorch's") {
  GoldenModel golden(GENERATE("untied", "tied", "grouped", "multi_query", "gpt2"));
  auto transformer = golden.transformer(golden.sequences);
  auto const batch = golden.batch(0);

  auto const loss =
      transformer.forward_backward(batch, golden.params, 1.0 / counted(batch), golden.gradients, {});
  CHECK(loss.mean() == Approx(golden.floats.at("losses")[0]).epsilon(tolerance));
  CHECK(transformer.forward_loss(batch, golden.params).mean() ==
        Approx(golden.floats.at("losses")[0]).epsilon(tolerance));
  auto const gradients = golden.gradient_values();
  check_tensors(golden.table, gradients, golden.flat("gradient", golden.table));
  for (auto const& tensor : golden.table.tensors()) {
    if (!is_idle(tensor)) continue;
    INFO(tensor.name);
    CHECK(std::ranges::all_of(values_of(tensor, gradients), [](float g) { return std::abs(g) < 1e-6f; }));
  }
}

TEST_CASE("logits are PyTorch's at every position, whatever follows it") {
  GoldenModel golden(GENERATE("untied", "tied", "grouped", "multi_query", "gpt2"));
  auto transformer = golden.transformer(golden.sequences);
  auto const batch = golden.batch(0);
  auto const count = static_cast<std::size_t>(golden.sequences),
             context = static_cast<std::size_t>(batch.length),
             vocab = static_cast<std::size_t>(golden.section.vocab);
  std::vector<float> logits(count * context * vocab), last(count * vocab);

  // Only the tokens up to a position are shown: what PyTorch computed there must not depend on the rest.
  for (std::size_t length = 1; length <= context; ++length) {
    std::vector<std::int32_t> shown;
    for (std::size_t b = 0; b < count; ++b) {
      auto const sequence = batch.tokens.subspan(b * context, length);
      shown.insert(shown.end(), sequence.begin(), sequence.end());
    }
    transformer.next_token_logits(shown, golden.sequences, static_cast<int>(length), golden.params, last);
    for (std::size_t b = 0; b < count; ++b) {
      std::copy_n(&last[b * vocab], vocab, &logits[(b * context + length - 1) * vocab]);
    }
  }
  CHECK(test::relative_error(logits, golden.floats.at("logits")) < tolerance);
}

TEST_CASE("ten steps of AdamW with warm-up, clipping and decay are PyTorch's") {
  GoldenModel golden(GENERATE("untied", "tied", "grouped", "multi_query", "gpt2"));
  auto transformer = golden.transformer(golden.sequences);
  optim::InnerOptimizer optimizer(golden.exec, golden.inner, golden.table);
  std::vector<float> losses, norms;
  Kokkos::View<double, kernels::ExecMemory> const norm_room("norm");

  for (int step = 0; step < golden.steps; ++step) {
    auto const batch = golden.batch(step);
    auto const loss =
        transformer.forward_backward(batch, golden.params, 1.0 / counted(batch), golden.gradients, {});
    double const norm = std::sqrt(optim::squared_norm(golden.exec, golden.gradients, norm_room));
    double const lr = optim::learning_rate(golden.inner, static_cast<std::uint64_t>(golden.steps),
                                           static_cast<std::uint64_t>(step) + 1);
    optimizer.step(golden.params, golden.gradients, lr, optim::clip_factor(norm, golden.inner.clip_norm));
    losses.push_back(static_cast<float>(loss.mean()));
    norms.push_back(static_cast<float>(norm));
  }

  REQUIRE(*std::ranges::max_element(norms) > golden.inner.clip_norm);  // some steps are clipped,
  REQUIRE(*std::ranges::min_element(norms) < golden.inner.clip_norm);  // some are not
  CHECK(test::relative_error(losses, golden.floats.at("losses")) < tolerance);
  CHECK(test::relative_error(norms, golden.floats.at("norms")) < tolerance);
  check_tensors(golden.table, test::to_host(golden.params), golden.flat("trained", golden.table));
}
