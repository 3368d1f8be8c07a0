// config.json: what we can represent is read and written, all else is refused by key and value.
#include "interop/config_json.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::interop;
using Json = nlohmann::json;

namespace {

deck::ModelSection llama() {
  deck::ModelSection model;
  model.family = deck::Family::llama;
  model.layers = 3;
  model.width = 32;
  model.heads = 4;
  model.kv_heads = 2;
  model.ffn_width = 40;
  model.context = 64;
  model.vocab = 99;
  model.tied_embeddings = false;
  model.norm_eps = 1e-6;
  model.rope_theta = 5e5;
  return model;
}

deck::ModelSection gpt2() {
  auto model = llama();
  model.family = deck::Family::gpt2;
  model.kv_heads = model.heads;
  model.rope_theta = deck::ModelSection().rope_theta;
  model.tied_embeddings = true;
  return model;
}

deck::ModelSection parsed(Json const& json) { return parse_config("config.json", json.dump()); }

Json json_of(deck::ModelSection const& model) { return Json::parse(config_json(model, {})); }

void check_refused(deck::ModelSection const& model, char const* key, Json const& value,
                   std::string const& complaint) {
  auto json = json_of(model);
  json[key] = value;
  INFO(key << " = " << value.dump());
  CHECK_THROWS_AS(parsed(json), base::InputError);
  CHECK_THROWS_WITH(parsed(json), ContainsSubstring(complaint));
}

}  // namespace

TEST_CASE("a model is what its config.json says") {
  CHECK(parsed(json_of(llama())) == llama());
  CHECK(parsed(json_of(gpt2())) == gpt2());
}

TEST_CASE("a number that no double holds is refused, as what is no JSON is") {
  for (char const* text : {R"({"rms_norm_eps":1e999})", R"({"rms_norm_eps":)"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_config("config.json", text), base::InputError);
    CHECK_THROWS_WITH(parse_config("config.json", text), ContainsSubstring("config.json"));
  }
}

TEST_CASE("special tokens are written, and null where there are none") {
  auto const json = Json::parse(config_json(gpt2(), {.begin = 7, .end = {}}));
  CHECK(json["bos_token_id"] == 7);
  CHECK(json["eos_token_id"].is_null());
}

TEST_CASE("keys left out or null have transformers' defaults") {
  auto json = json_of(llama());
  for (char const* key :
       {"num_key_value_heads", "rms_norm_eps", "rope_theta", "rope_parameters", "hidden_act", "head_dim",
        "tie_word_embeddings", "attention_bias", "mlp_bias", "architectures"})
    json.erase(key);
  auto expected = llama();
  expected.kv_heads = 4;
  expected.rope_theta = 10000;
  CHECK(parsed(json) == expected);

  json = json_of(gpt2());
  for (char const* key : {"n_inner", "layer_norm_epsilon", "n_positions"}) json[key] = nullptr;
  for (char const* key : {"tie_word_embeddings", "activation_function"}) json.erase(key);
  expected = gpt2();
  expected.ffn_width = 128;
  expected.norm_eps = 1e-5;
  expected.context = 1024;
  CHECK(parsed(json) == expected);
}

TEST_CASE("the base of rotary positions is found in its old and its new place") {
  auto json = json_of(llama());
  json.erase("rope_parameters");
  CHECK(parsed(json).rope_theta == 5e5);
  json.erase("rope_theta");
  json["rope_parameters"] = {{"rope_theta", 7e4}, {"rope_type", "default"}};
  CHECK(parsed(json).rope_theta == 7e4);
  json["rope_scaling"] = nullptr;
  CHECK(parsed(json).rope_theta == 7e4);
}

TEST_CASE("what the model would compute otherwise is refused by key and value") {
  check_refused(llama(), "hidden_act", "gelu", "hidden_act = \"gelu\" must be \"silu\"");
  check_refused(llama(), "attention_bias", true, "attention_bias = true must be false");
  check_refused(llama(), "mlp_bias", true, "mlp_bias = true");
  check_refused(llama(), "head_dim", 16, "head_dim = 16 must be 8");
  check_refused(llama(), "rope_scaling", {{"type", "linear"}, {"factor", 2.0}},
                "type = \"linear\" must be \"default\"");
  check_refused(llama(), "rope_parameters", {{"rope_type", "llama3"}, {"factor", 8}},
                "rope_type = \"llama3\"");
  check_refused(llama(), "rope_parameters", {{"partial_rotary_factor", 0.5}}, "partial_rotary_factor = 0.5");
  check_refused(llama(), "rope_parameters", "none", "is no object");
  check_refused(llama(), "quantization_config", {{"bits", 4}}, "quantization_config");
  check_refused(llama(), "architectures", {"LlamaForSequenceClassification"}, "LlamaForCausalLM");
  check_refused(gpt2(), "activation_function", "relu", "activation_function = \"relu\" must be \"gelu_new\"");
  check_refused(gpt2(), "scale_attn_weights", false, "scale_attn_weights = false");
  check_refused(gpt2(), "scale_attn_by_inverse_layer_idx", true, "scale_attn_by_inverse_layer_idx = true");
  check_refused(gpt2(), "add_cross_attention", true, "add_cross_attention = true");
  check_refused(gpt2(), "model_type", "mistral", "model_type 'mistral' is neither llama nor gpt2");
}

TEST_CASE("impossible sizes are refused") {
  check_refused(llama(), "hidden_size", 33, "hidden_size = 33 is no multiple of the attention heads");
  check_refused(llama(), "num_key_value_heads", 3, "num_key_value_heads = 3 does not divide the heads");
  check_refused(llama(), "num_attention_heads", 64, "hidden_size = 32 is no multiple");
  check_refused(llama(), "num_hidden_layers", 0, "num_hidden_layers = 0 is no number from 1");
  check_refused(llama(), "vocab_size", -5, "vocab_size = -5");
  check_refused(llama(), "vocab_size", 1e30, "vocab_size = 1e+30");
  check_refused(llama(), "vocab_size", "many", "vocab_size = \"many\"");
  check_refused(llama(), "rms_norm_eps", 0, "rms_norm_eps = 0 is no positive number");
  check_refused(llama(), "tie_word_embeddings", 1, "tie_word_embeddings = 1 is neither true nor false");
  check_refused(llama(), "vocab_size", nullptr, "vocab_size is missing");
}

TEST_CASE("all that is wrong with a config is said at once") {
  auto json = json_of(llama());
  json["hidden_act"] = "relu";
  json["vocab_size"] = 0;
  CHECK_THROWS_WITH(parsed(json), ContainsSubstring("hidden_act") && ContainsSubstring("vocab_size"));
}

TEST_CASE("a config that is no JSON object, or says a thing twice, is refused") {
  CHECK_THROWS_WITH(parse_config("c", "{"), ContainsSubstring("no JSON at its byte"));
  CHECK_THROWS_WITH(parse_config("c", "3"), ContainsSubstring("is no JSON object"));
  CHECK_THROWS_WITH(parse_config("c", R"({"a": 1, "a": 1})"), ContainsSubstring("'a' is there twice"));
}
