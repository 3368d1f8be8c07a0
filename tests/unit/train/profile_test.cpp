// What --profile says, by steps made up and by steps taken.
#include "train/profile.hpp"

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/listener.hpp"
#include "kernels/operations.hpp"
#include "kernels/region.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

train::RunPlan small_plan() {
  deck::RunConfig config;
  config.model = {.layers = 2, .width = 8, .heads = 2, .kv_heads = 1, .ffn_width = 16, .context = 4};
  config.data.tokenizer = "bytes";
  config.outer.fragments = 2;
  return train::make_plan(config);
}

// 400 tokens in 2 s, of 3 MFLOP each: 0.6 GFLOP/s, where 2 can be had.
train::Profile::Summary made_up() {
  train::Profile::Summary summary{.steps = 4, .seconds = 2.0, .peak_operations_s = 2e9};
  summary.rows = {{"matrix products", 1.0, 8, 1.8e9, 1e6}, {"everything else", 1.0, 4, 0.0, 0.0}};
  summary.model = {.multiplying = 400'000, .operations_per_token = 3e6, .tokens = 400};
  summary.memory = {.resident_bytes = 300U << 20U,
                    .buffer_bytes = 200U << 20U,
                    .expected = {.site_rank_bytes = 250U << 20U}};
  return summary;
}

bool has(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

struct Names final : kernels::Listener {
  void begin(char const* label) override { heard.emplace_back(label); }
  void end() override { heard.emplace_back("end"); }
  std::vector<std::string> heard;
};

}  // namespace

TEST_CASE("model FLOP utilisation is what tokens need, over the peak: not what was computed") {
  auto summary = made_up();
  auto const table = to_table(summary);
  INFO(table);
  CHECK(has(table, "model FLOP utilisation 30.0%: 200.0 tokens/s of this rank"));
  CHECK(has(table, "N = 0.40 M"));
  CHECK(has(table, "are 0.6 of 2.0 GFLOP/s"));
  CHECK_FALSE(has(table, "stated"));

  summary.rows[0].operations *= 1.3;  // recomputed
  CHECK(has(to_table(summary), "model FLOP utilisation 30.0%"));
  auto const json = nlohmann::json::parse(to_json(summary));
  CHECK(json.at("model_utilisation") == Approx(0.3));
  CHECK(json.at("tokens") == 400);
  CHECK_FALSE(json.contains("device"));
}

TEST_CASE("on a device its stated peak is told too, and its memory beside the host's") {
  auto summary = made_up();
  summary.model.device = "NVIDIA H100 80GB HBM3";
  summary.model.stated_operations_s = 989e12;
  summary.model.operations_per_token = 3e11;
  summary.memory.expected.site_device_bytes = 220U << 20U;
  auto const table = to_table(summary);
  INFO(table);
  CHECK(has(table, "; 6.1% of the 989 TFLOP/s in bf16, dense, that are stated for NVIDIA H100 80GB HBM3"));
  CHECK(has(table, "memory: at most 300 MiB in this process; 250 were expected."));
  CHECK(has(table, "Of the device at most 200 MiB in buffers of kernels; 220 were expected"));
  auto const json = nlohmann::json::parse(to_json(summary));
  CHECK(json.at("model_utilisation_of_stated") == Approx(60.0 / 989));
  CHECK(json.at("expected_device_bytes") == 220U << 20U);
}

TEST_CASE("a run without steps that count has no rates") {
  train::Profile::Summary summary;
  CHECK(has(to_table(summary), "too short"));
  CHECK_FALSE(nlohmann::json::parse(to_json(summary)).contains("model_utilisation"));
}

TEST_CASE("steps count from the third on, with their tokens and buffers, and others hear them as well") {
  Names before, within;
  kernels::Listening const first(before);
  train::Profile const profile(small_plan());
  kernels::Listening const second(within);
  before.heard.clear();
  for (int step = 0; step < 5; ++step) {
    kernels::Region const region(train::training_step_label);
    auto const buffer = kernels::make_float_buffer("gradients", 1U << 20U);
    kernels::Region const kernel("matmul_nt");
    kernels::trained_tokens += 7;
    kernels::product_operations += 100;
  }
  kernels::trained_tokens += 1000;  // between steps: of nobody

  auto const summary = profile.summary();
  CHECK(summary.steps == 3);
  CHECK(summary.model.tokens == 21);
  CHECK(summary.memory.buffer_bytes >= 4U << 20U);
  CHECK(summary.memory.buffer_bytes < 8U << 20U);  // one at a time, and nothing of what measured the peak
  double products = 0.0;
  for (auto const& row : summary.rows) products += row.operations;
  CHECK(products == 300.0);
  CHECK(std::ranges::count(before.heard, "matmul_nt") == 5);
  CHECK(before.heard == within.heard);
}
