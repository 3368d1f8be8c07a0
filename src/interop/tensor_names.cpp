#include "interop/tensor_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

namespace atl::interop {

namespace {

// '{}' stands for the number of a layer.
struct Row {
  char const* theirs;
  std::vector<char const*> ours;
  bool transposed = false;
};

struct Names {
  std::vector<Row> before, layer, after;
  Row head;
};

constexpr bool transposed = true;

Names const& llama() {
  static Names const names = {
      .before = {{"model.embed_tokens.weight", {"embedding.tokens"}}},
      .layer = {{"model.layers.{}.input_layernorm.weight", {"layers.{}.attention_norm"}},
                {"model.layers.{}.self_attn.q_proj.weight", {"layers.{}.attention.query"}},
                {"model.layers.{}.self_attn.k_proj.weight", {"layers.{}.attention.key"}},
                {"model.layers.{}.self_attn.v_proj.weight", {"layers.{}.attention.value"}},
                {"model.layers.{}.self_attn.o_proj.weight", {"layers.{}.attention.output"}},
                {"model.layers.{}.post_attention_layernorm.weight", {"layers.{}.ffn_norm"}},
                {"model.layers.{}.mlp.gate_proj.weight", {"layers.{}.ffn.gate"}},
                {"model.layers.{}.mlp.up_proj.weight", {"layers.{}.ffn.up"}},
                {"model.layers.{}.mlp.down_proj.weight", {"layers.{}.ffn.down"}}},
      .after = {{"model.norm.weight", {"final_norm"}}},
      .head = {"lm_head.weight", {"head"}}};
  return names;
}

Names const& gpt2() {
  static Names const names = {
      .before = {{"transformer.wte.weight", {"embedding.tokens"}},
                 {"transformer.wpe.weight", {"embedding.positions"}}},
      .layer = {{"transformer.h.{}.ln_1.weight", {"layers.{}.attention_norm"}},
                {"transformer.h.{}.ln_1.bias", {"layers.{}.attention_norm_bias"}},
                {"transformer.h.{}.attn.c_attn.weight",
                 {"layers.{}.attention.query", "layers.{}.attention.key", "layers.{}.attention.value"},
                 transposed},
                {"transformer.h.{}.attn.c_attn.bias",
                 {"layers.{}.attention.query_bias", "layers.{}.attention.key_bias",
                  "layers.{}.attention.value_bias"}},
                {"transformer.h.{}.attn.c_proj.weight", {"layers.{}.attention.output"}, transposed},
                {"transformer.h.{}.attn.c_proj.bias", {"layers.{}.attention.output_bias"}},
                {"transformer.h.{}.ln_2.weight", {"layers.{}.ffn_norm"}},
                {"transformer.h.{}.ln_2.bias", {"layers.{}.ffn_norm_bias"}},
                {"transformer.h.{}.mlp.c_fc.weight", {"layers.{}.ffn.up"}, transposed},
                {"transformer.h.{}.mlp.c_fc.bias", {"layers.{}.ffn.up_bias"}},
                {"transformer.h.{}.mlp.c_proj.weight", {"layers.{}.ffn.down"}, transposed},
                {"transformer.h.{}.mlp.c_proj.bias", {"layers.{}.ffn.down_bias"}}},
      .after = {{"transformer.ln_f.weight", {"final_norm"}}, {"transformer.ln_f.bias", {"final_norm_bias"}}},
      .head = {"lm_head.weight", {"head"}}};
  return names;
}

}  // namespace

std::vector<Counterpart> counterparts(deck::ModelSection const& model) {
  auto const& names = model.family == deck::Family::llama ? llama() : gpt2();
  std::vector<Counterpart> all;
  auto const add = [&](std::span<Row const> rows, int layer) {
    for (auto const& row : rows) {
      auto const name = [&](char const* pattern) { return fmt::format(fmt::runtime(pattern), layer); };
      all.push_back({name(row.theirs), {}, row.transposed});
      std::ranges::transform(row.ours, std::back_inserter(all.back().parts), name);
    }
  };
  add(names.before, 0);
  for (int layer = 0; layer < model.layers; ++layer) add(names.layer, layer);
  add(names.after, 0);
  if (!model.tied_embeddings) add({&names.head, 1}, 0);
  return all;
}

bool is_redundant(std::string_view name, deck::ModelSection const& model) {
  if (model.family == deck::Family::llama && name.ends_with(".rotary_emb.inv_freq")) return true;
  if (model.family == deck::Family::gpt2 &&
      (name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"))) {
    return true;
  }
  return model.tied_embeddings && name == "lm_head.weight";
}

}  // namespace atl::interop
