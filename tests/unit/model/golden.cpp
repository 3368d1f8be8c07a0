#include "golden.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

namespace atl::test {

namespace {

template <class T>
std::vector<T> read_array(std::ifstream& file, nlohmann::json const& entry) {
  auto const shape = entry.at("shape").get<std::vector<std::size_t>>();
  std::vector<T> values(std::reduce(shape.begin(), shape.end(), std::size_t{1}, std::multiplies{}));
  file.seekg(entry.at("offset").get<std::streamoff>());
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  if (!file) throw std::runtime_error("a golden file is shorter than its index says");
  return values;
}

}  // namespace

Golden read_golden(std::string const& name) {
  std::string const path = std::string(ATOLL_GOLDEN_FOLDER) + "/" + name;
  auto const index = nlohmann::json::parse(std::ifstream(path + ".json"));
  Golden golden;

  auto const& model = index.at("model");
  golden.model.family = model.at("family") == "gpt2" ? deck::Family::gpt2 : deck::Family::llama;
  golden.model.norm_eps = model.at("norm_eps");
  golden.model.rope_theta = model.at("rope_theta");
  golden.model.layers = model.at("layers");
  golden.model.width = model.at("width");
  golden.model.heads = model.at("heads");
  golden.model.kv_heads = model.at("kv_heads");
  golden.model.ffn_width = model.at("ffn_width");
  golden.model.context = model.at("context");
  golden.model.vocab = model.at("vocab");
  golden.model.tied_embeddings = model.at("tied_embeddings");

  auto const& inner = index.at("inner");
  golden.steps = inner.at("steps");
  golden.inner.lr = inner.at("lr");
  golden.inner.warmup_steps = inner.at("warmup_steps");
  golden.inner.min_lr_ratio = inner.at("min_lr_ratio");
  golden.inner.betas = inner.at("betas");
  golden.inner.weight_decay = inner.at("weight_decay");
  golden.inner.clip_norm = inner.at("clip_norm");

  golden.sequences = index.at("sequences");
  std::ifstream file(path + ".bin", std::ios::binary);
  for (auto const& entry : index.at("arrays")) {
    if (entry.at("type") == "f32") {
      golden.floats[entry.at("name")] = read_array<float>(file, entry);
    } else {
      golden.integers[entry.at("name")] = read_array<int>(file, entry);
    }
  }
  return golden;
}

std::vector<float> Golden::flat(std::string_view group, tensor::ParamTable const& table) const {
  std::vector<float> buffer(table.size());
  for (auto const& tensor : table.tensors()) {
    auto const& values = floats.at(std::string(group) + "/" + tensor.name);
    if (values.size() != tensor.size()) {
      throw std::runtime_error("golden tensor " + tensor.name + " has another size");
    }
    std::ranges::copy(values, buffer.begin() + static_cast<std::ptrdiff_t>(tensor.range.offset));
  }
  return buffer;
}

}  // namespace atl::test
