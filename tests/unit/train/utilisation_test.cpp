// Model FLOP utilisation: what a token needs, by hand, and what devices are stated to do.
#include "train/utilisation.hpp"

#include "support/catch.hpp"

using namespace atl;

namespace {

deck::ModelSection gpt2_124m() {
  return {.family = deck::Family::gpt2,
          .layers = 12,
          .width = 768,
          .heads = 12,
          .kv_heads = 12,
          .ffn_width = 3072,
          .context = 1024,
          .vocab = 50257};
}

// Llama 3 8B.
deck::ModelSection llama_8b() {
  return {.family = deck::Family::llama,
          .layers = 32,
          .width = 4096,
          .heads = 32,
          .kv_heads = 8,
          .ffn_width = 14336,
          .context = 8192,
          .vocab = 128256,
          .tied_embeddings = false};
}

}  // namespace

TEST_CASE("GPT-2 124M: all matrices and the tied head, no positions, norms or biases") {
  // 12 layers of 4 x 768 x 768 and 2 x 768 x 3072, and 50257 x 768. Its 124,439,808 parameters besides: 1024
  // x 768 positions and 121,344 in norms and biases.
  auto const operations = train::operations_per_token(gpt2_124m());
  CHECK(operations.multiplying == 84'934'656 + 38'597'376);
  CHECK(operations.multiplying == 124'439'808 - 1024 * 768 - 121'344);
  CHECK(operations.all == 6.0 * 123'532'032 + 113'246'208.0);  // 12 x 12 x 768 x 1024
}

TEST_CASE("a Llama with grouped queries: narrow keys and values, a gate, an untied head") {
  // 32 layers of 2 x 4096 x 4096, 2 x 1024 x 4096 and 3 x 14336 x 4096, and 128256 x 4096 once: the embedding
  // is looked up. Attention has 32 heads of queries, however many of keys.
  auto const operations = train::operations_per_token(llama_8b());
  CHECK(operations.multiplying == 6'979'321'856 + 525'336'576);
  CHECK(operations.all == 45'027'950'592.0 + 12'884'901'888.0);
}

TEST_CASE("how a model is computed changes nothing about what it needs") {
  auto model = llama_8b();
  model.recompute = true;
  model.precision = deck::Precision::bf16;
  CHECK(train::operations_per_token(model).all == train::operations_per_token(llama_8b()).all);
}

TEST_CASE("peaks are stated for whole devices by their whole names") {
  CHECK(train::stated_peak_operations_s("NVIDIA H100 80GB HBM3") == 989e12);
  CHECK(train::stated_peak_operations_s("NVIDIA H100 PCIe") == 756e12);
  CHECK(train::stated_peak_operations_s("NVIDIA A100-SXM4-80GB") == 312e12);
  CHECK_FALSE(train::stated_peak_operations_s("NVIDIA H100 80GB HBM3 MIG 1g.10gb"));
  CHECK_FALSE(train::stated_peak_operations_s("NVIDIA A100-SXM-64GB"));
  CHECK_FALSE(train::stated_peak_operations_s(""));
}
