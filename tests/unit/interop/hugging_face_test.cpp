// Models to Hugging Face's folders and back: bit for bit, and laid out as transformers has them.
#include "interop/hugging_face.hpp"

#include <numeric>

#include "base/error.hpp"
#include "interop/json_object.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::interop;

namespace {

deck::ModelSection small(deck::Family family) {
  deck::ModelSection model;
  model.family = family;
  model.layers = 2;
  model.width = 8;
  model.heads = 4;
  model.kv_heads = family == deck::Family::llama ? 2 : 4;
  model.ffn_width = 12;
  model.context = 5;
  model.vocab = 11;
  model.tied_embeddings = family == deck::Family::gpt2;
  return model;
}

// Fragments are dealt out by turns, so that neighbours in the model are none in the buffer.
tensor::ParamTable table_of(deck::ModelSection const& model, int fragments) {
  auto specs = model::parameter_specs(model);
  std::vector<int> fragment_of(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) fragment_of[i] = static_cast<int>(i) % fragments;
  return {std::move(specs), fragment_of, fragments};
}

// Every element of a tensor is its place in it, plus a thousand times the tensor's place in the model.
std::vector<float> numbered(tensor::ParamTable const& table) {
  std::vector<float> values(table.size());
  float first = 0.0f;
  for (auto const& tensor : table.tensors()) {
    std::iota(values.begin() + static_cast<std::ptrdiff_t>(tensor.range.offset),
              values.begin() + static_cast<std::ptrdiff_t>(tensor.range.offset + tensor.size()), first);
    first += 1000.0f;
  }
  return values;
}

void write(std::filesystem::path const& folder, deck::ModelSection const& model,
           std::uint64_t max_file_bytes = 1 << 20) {
  auto const table = table_of(model, 3);
  write_hugging_face(folder, model, table, numbered(table),
                     {.max_file_bytes = max_file_bytes, .special = {}});
}

std::vector<float> tensor_in(std::filesystem::path const& folder, std::string const& name) {
  TensorFolder const tensors(folder);
  auto const& place = tensors.tensors().at(name);
  std::vector<float> values(place.tensor->bytes / sizeof(float));
  tensors.read(place, values);
  return values;
}

float value_of(deck::ModelSection const& model, char const* name, std::size_t row, std::size_t col) {
  auto const table = table_of(model, 1);
  auto const& tensor = table.find(name);
  return numbered(table)[tensor.range.offset + row * tensor.cols + col];
}

// The folder of a sound model with the tensor `name` changed or, with another name, added.
void rewrite(std::filesystem::path const& folder, NamedShape const& changed, bool keep) {
  std::vector<NamedShape> shapes;
  {
    TensorFolder const tensors(folder);
    for (auto const& [name, place] : tensors.tensors()) {
      if (name != changed.name) shapes.push_back({name, place.tensor->shape});
    }
  }
  if (keep) shapes.push_back(changed);
  std::vector<float> values;
  write_tensors(folder, shapes, 1 << 20, [&](std::size_t i) {
    values.assign(bytes_of_shape("", shapes[i].shape, 1), 0.0f);
    return std::span<float const>(values);
  });
}

void set_key(std::filesystem::path const& folder, char const* key, Json const& value) {
  auto json = read_object(folder / "config.json");
  json[key] = value;
  test::put_bytes(folder / "config.json", json.dump());
}

}  // namespace

TEST_CASE("a model of either family comes back bit for bit, whatever its fragments") {
  for (auto const family : {deck::Family::llama, deck::Family::gpt2}) {
    for (bool const tied : {false, true}) {
      auto model = small(family);
      model.tied_embeddings = tied;
      test::ScratchFolder const folder;
      write(folder.path(), model, 700);  // several files

      HuggingFaceModel const read(folder.path());
      CHECK(read.model() == model);
      auto const table = table_of(read.model(), 2);
      std::vector<float> values(table.size(), -1.0f);
      read.read(table, values);
      CHECK(values == numbered(table));
    }
  }
}

TEST_CASE("the same model gives the same bytes") {
  auto const model = small(deck::Family::llama);
  test::ScratchFolder const one, other;
  write(one.path(), model);
  auto const table = table_of(model, 5);
  write_hugging_face(other.path(), model, table, numbered(table), {});
  for (char const* name : {"config.json", "model.safetensors"}) {
    CHECK(test::bytes_of(one.path() / name) == test::bytes_of(other.path() / name));
  }
}

TEST_CASE("Llama's matrices keep their layout") {
  auto const model = small(deck::Family::llama);
  test::ScratchFolder const folder;
  write(folder.path(), model);
  auto const key = tensor_in(folder.path(), "model.layers.1.self_attn.k_proj.weight");
  REQUIRE(key.size() == 4 * 8);
  CHECK(key[3 * 8 + 5] == value_of(model, "layers.1.attention.key", 3, 5));
}

TEST_CASE("GPT-2's matrices are transposed, its queries, keys and values side by side") {
  auto const model = small(deck::Family::gpt2);
  test::ScratchFolder const folder;
  write(folder.path(), model);
  auto const fused = tensor_in(folder.path(), "transformer.h.1.attn.c_attn.weight");
  REQUIRE(fused.size() == 8 * 24);
  CHECK(fused[5 * 24 + 3] == value_of(model, "layers.1.attention.query", 3, 5));
  CHECK(fused[5 * 24 + 8 + 3] == value_of(model, "layers.1.attention.key", 3, 5));
  CHECK(fused[5 * 24 + 16 + 3] == value_of(model, "layers.1.attention.value", 3, 5));
  auto const down = tensor_in(folder.path(), "transformer.h.0.mlp.c_proj.weight");
  CHECK(down[9 * 8 + 2] == value_of(model, "layers.0.ffn.down", 2, 9));
  auto const bias = tensor_in(folder.path(), "transformer.h.0.attn.c_attn.bias");
  CHECK(bias[8 + 3] == value_of(model, "layers.0.attention.key_bias", 3, 0));
}

TEST_CASE("GPT-2 files without the prefix, with masks and with a tied head are understood") {
  auto const model = small(deck::Family::gpt2);
  test::ScratchFolder const folder;
  write(folder.path(), model);
  auto content = test::bytes_of(folder.path() / "model.safetensors");
  constexpr std::string_view prefix = "transformer.";
  for (auto at = content.find(prefix); at != content.npos; at = content.find(prefix)) {
    content.replace(at, prefix.size(), "");
    content.insert(content.find("}}") + 2, prefix.size(), ' ');  // the table keeps its length
  }
  test::put_bytes(folder.path() / "model.safetensors", content);
  auto const table = table_of(model, 1);
  std::vector<float> values(table.size());
  HuggingFaceModel(folder.path()).read(table, values);
  CHECK(values == numbered(table));

  rewrite(folder.path(), {"h.0.attn.bias", {1, 1, 5, 5}}, true);
  rewrite(folder.path(), {"lm_head.weight", {11, 8}}, true);
  CHECK_NOTHROW(HuggingFaceModel(folder.path()));
}

TEST_CASE("a folder whose tensors are not those of its config is refused with each of them") {
  auto const model = small(deck::Family::llama);
  test::ScratchFolder const folder;
  auto const check = [&](auto const& damage, auto const& complaint) {
    write(folder.path(), model);
    damage();
    CHECK_THROWS_AS(HuggingFaceModel(folder.path()), base::InputError);
    CHECK_THROWS_WITH(HuggingFaceModel(folder.path()), complaint);
  };
  check(
      [&] {
        rewrite(folder.path(), {"model.norm.weight", {}}, false);
      },
      ContainsSubstring("has no tensor 'model.norm.weight'"));
  check(
      [&] {
        rewrite(folder.path(), {"model.norm.bias", {8}}, true);
      },
      ContainsSubstring("has the tensor 'model.norm.bias', which this model does not use"));
  check(
      [&] {
        rewrite(folder.path(), {"model.norm.weight", {2, 4}}, true);
      },
      ContainsSubstring("'model.norm.weight' has shape [2, 4]; this model's is [8]"));
  check([&] { set_key(folder.path(), "vocab_size", 12); },
        ContainsSubstring("'model.embed_tokens.weight' has shape [11, 8]; this model's is [12, 8]") &&
            ContainsSubstring("'lm_head.weight'"));
  check([&] { set_key(folder.path(), "num_hidden_layers", 3); },
        ContainsSubstring("has no tensor 'model.layers.2.input_layernorm.weight'"));
  check([&] { set_key(folder.path(), "num_hidden_layers", 1 << 24); },
        ContainsSubstring("holds 21 tensors for the 16777216 layers"));
  check([&] { std::filesystem::remove(folder.path() / "config.json"); },
        ContainsSubstring("config.json: is missing"));
}
