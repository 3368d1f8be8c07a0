#include "interop/config_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "interop/json_object.hpp"

namespace atl::interop {

namespace {

constexpr char const* remedy = "atoll computes plain Llama and GPT-2 models: see README, Hugging Face";

// Reads keys and remembers all that is wrong with them.
class Config {
 public:
  Config(std::string where, Json json) : where_(std::move(where)), json_(std::move(json)) {}

  // Null and missing are the same to transformers.
  Json const* find(char const* key) const {
    auto const found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string text(char const* key) const {
    auto const* value = find(key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : "";
  }
  int size(char const* key) { return find(key) == nullptr ? missing(key) : size(key, 1); }
  int size(char const* key, int otherwise) {
    auto const* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() < 1 ||
        value->get<std::uint64_t>() > most) {
      refuse(key, fmt::format("is no number from 1 to {}", most));
      return 1;
    }
    return value->get<int>();
  }
  double positive(char const* key, double otherwise) {
    auto const* value = find(key);
    if (value == nullptr) return otherwise;
    if (value->is_number() && std::isfinite(value->get<double>()) && value->get<double>() > 0.0)
      return value->get<double>();
    refuse(key, "is no positive number");
    return otherwise;
  }
  bool truth(char const* key, bool otherwise) {
    auto const* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) refuse(key, "is neither true nor false");
    return value->is_boolean() ? value->get<bool>() : otherwise;
  }
  // Refuses every value but these; a missing key is what transformers takes it for, and fine.
  void must_be(char const* key, std::vector<Json> const& values) {
    auto const* value = find(key);
    if (value != nullptr && std::ranges::count(values, *value) == 0) {
      refuse(key, fmt::format("must be {}", values.front().dump()));
    }
  }
  void must_be_absent(char const* key) {
    if (find(key) != nullptr) refuse(key, "means what atoll does not compute");
  }
  void refuse(char const* key, std::string const& what) {
    constexpr std::size_t longest = 80;
    auto const* value = find(key);
    auto const shown = value == nullptr ? "null" : value->dump(-1, ' ', true, Json::error_handler_t::replace);
    problems_.push_back({where_, fmt::format("{} = {} {}", key, shown.substr(0, longest), what), remedy});
  }
  // The object at `key`, to be read in the same way; empty where there is none.
  Config at(char const* key) {
    auto const* value = find(key);
    if (value != nullptr && !value->is_object()) refuse(key, "is no object");
    bool const is_there = value != nullptr && value->is_object();
    return {fmt::format("{}: {}", where_, key), is_there ? *value : Json::object()};
  }
  void join(Config const& other) {
    problems_.insert(problems_.end(), other.problems_.begin(), other.problems_.end());
  }
  void check() const {
    if (!problems_.empty()) throw base::InputError(problems_);
  }

 private:
  static constexpr int most = 1 << 24;

  int missing(char const* key) {
    problems_.push_back({where_, fmt::format("{} is missing", key), "give the config.json of a whole model"});
    return 1;
  }

  std::string where_;
  Json json_;
  std::vector<base::Problem> problems_;
};

// Before transformers 5 `rope_theta` and `rope_scaling`, since then `rope_parameters`.
double read_rope_theta(Config& config) {
  double theta = config.positive("rope_theta", 10000.0);
  for (char const* key : {"rope_parameters", "rope_scaling"}) {
    auto below = config.at(key);
    theta = below.positive("rope_theta", theta);
    below.must_be("rope_type", {"default"});
    below.must_be("type", {"default"});
    below.must_be("partial_rotary_factor", {1.0});
    config.join(below);
  }
  return theta;
}

deck::ModelSection read_llama(Config& config) {
  deck::ModelSection model;
  model.family = deck::Family::llama;
  model.layers = config.size("num_hidden_layers");
  model.width = config.size("hidden_size");
  model.heads = config.size("num_attention_heads");
  model.kv_heads = config.size("num_key_value_heads", model.heads);
  model.ffn_width = config.size("intermediate_size");
  model.context = config.size("max_position_embeddings", 2048);
  model.vocab = config.size("vocab_size");
  model.tied_embeddings = config.truth("tie_word_embeddings", false);
  model.norm_eps = config.positive("rms_norm_eps", 1e-6);
  model.rope_theta = read_rope_theta(config);
  config.must_be("hidden_act", {"silu", "swish"});
  config.must_be("head_dim", {model.width / model.heads});
  config.must_be("attention_bias", {false});
  config.must_be("mlp_bias", {false});
  return model;
}

deck::ModelSection read_gpt2(Config& config) {
  deck::ModelSection model;
  model.family = deck::Family::gpt2;
  model.layers = config.size("n_layer");
  model.width = config.size("n_embd");
  model.heads = model.kv_heads = config.size("n_head");
  model.ffn_width = config.size("n_inner", 4 * model.width);
  model.context = config.size("n_positions", 1024);
  model.vocab = config.size("vocab_size");
  model.tied_embeddings = config.truth("tie_word_embeddings", true);
  model.norm_eps = config.positive("layer_norm_epsilon", 1e-5);
  config.must_be("activation_function", {"gelu_new", "gelu_pytorch_tanh"});  // two names of one function
  config.must_be("scale_attn_weights", {true});
  config.must_be("scale_attn_by_inverse_layer_idx", {false});
  config.must_be("add_cross_attention", {false});
  return model;
}

Json or_null(std::optional<int> id) { return id ? Json(*id) : Json(); }

}  // namespace

deck::ModelSection parse_config(std::string const& where, std::string const& text) {
  Config config(where, parse_object(where, text));
  auto const type = config.text("model_type");
  if (type != "llama" && type != "gpt2") {
    throw base::InputError(where, fmt::format("model_type '{}' is neither llama nor gpt2", type), remedy);
  }
  bool const is_llama = type == "llama";
  config.must_be("architectures", {Json::array({is_llama ? "LlamaForCausalLM" : "GPT2LMHeadModel"})});
  config.must_be_absent("quantization_config");
  auto const model = is_llama ? read_llama(config) : read_gpt2(config);
  if (model.width % model.heads != 0) {
    config.refuse(is_llama ? "hidden_size" : "n_embd", "is no multiple of the attention heads");
  }
  if (model.heads % model.kv_heads != 0) config.refuse("num_key_value_heads", "does not divide the heads");
  config.check();
  return model;
}

std::string config_json(deck::ModelSection const& model, SpecialTokens const& special) {
  using Ordered = nlohmann::ordered_json;
  base::ensure(model.vocab > 0, "the vocabulary is known before the model is exported");
  bool const is_llama = model.family == deck::Family::llama;
  Ordered json;
  json["architectures"] = {is_llama ? "LlamaForCausalLM" : "GPT2LMHeadModel"};
  json["model_type"] = is_llama ? "llama" : "gpt2";
  json["torch_dtype"] = "float32";
  json["vocab_size"] = model.vocab;
  if (is_llama) {
    json["hidden_size"] = model.width;
    json["intermediate_size"] = model.ffn_width;
    json["num_hidden_layers"] = model.layers;
    json["num_attention_heads"] = model.heads;
    json["num_key_value_heads"] = model.kv_heads;
    json["head_dim"] = model.width / model.heads;
    json["max_position_embeddings"] = model.context;
    json["hidden_act"] = "silu";
    json["rms_norm_eps"] = model.norm_eps;
    json["rope_theta"] = model.rope_theta;
    json["rope_parameters"] = {{"rope_theta", model.rope_theta}, {"rope_type", "default"}};
    json["attention_bias"] = json["mlp_bias"] = false;
  } else {
    json["n_embd"] = model.width;
    json["n_inner"] = model.ffn_width;
    json["n_layer"] = model.layers;
    json["n_head"] = model.heads;
    json["n_positions"] = model.context;
    json["activation_function"] = "gelu_new";
    json["layer_norm_epsilon"] = model.norm_eps;
    for (char const* key : {"resid_pdrop", "embd_pdrop", "attn_pdrop"}) json[key] = 0.0;  // trained without
  }
  json["tie_word_embeddings"] = model.tied_embeddings;
  json["bos_token_id"] = or_null(special.begin);
  json["eos_token_id"] = or_null(special.end);
  return json.dump(2) + '\n';
}

}  // namespace atl::interop
