#include "train/utilisation.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "model/parameters.hpp"

namespace atl::train {

TokenOperations operations_per_token(deck::ModelSection const& model) {
  TokenOperations operations;
  for (auto const& spec : model::parameter_specs(model)) {
    bool const is_head = model.tied_embeddings && spec.name == "embedding.tokens";
    if (spec.kind == tensor::Kind::matrix || is_head) operations.multiplying += spec.rows * spec.cols;
  }
  // H Q is the width.
  operations.all = 6.0 * static_cast<double>(operations.multiplying) +
                   12.0 * model.layers * static_cast<double>(model.width) * model.context;
  return operations;
}

std::optional<double> stated_peak_operations_s(std::string_view device) {
  // From the data sheets, where these tell the rate with sparsity half of it. Names in full: "NVIDIA
  // A100-SXM-64GB" is another chip, and the name of a part of a GPU goes on with "MIG".
  constexpr std::array<std::pair<std::string_view, double>, 19> tera = {{
      {"NVIDIA A100-PCIE-40GB", 312.0}, {"NVIDIA A100 80GB PCIe", 312.0}, {"NVIDIA A100-SXM4-40GB", 312.0},
      {"NVIDIA A100-SXM4-80GB", 312.0}, {"NVIDIA A800 80GB PCIe", 312.0}, {"NVIDIA A800-SXM4-40GB", 312.0},
      {"NVIDIA A800-SXM4-80GB", 312.0}, {"NVIDIA H100 PCIe", 756.0},      {"NVIDIA H100 NVL", 835.0},
      {"NVIDIA H100 80GB HBM3", 989.0}, {"NVIDIA H800 PCIe", 756.0},      {"NVIDIA H800", 989.0},
      {"NVIDIA H200 NVL", 835.0},       {"NVIDIA H200", 989.0},           {"NVIDIA GH200 120GB", 989.0},
      {"NVIDIA GH200 480GB", 989.0},    {"NVIDIA L40S", 362.0},           {"NVIDIA B200", 2250.0},
      {"NVIDIA GB200", 2500.0},
  }};
  auto const* const found = std::ranges::find(tera, device, &std::pair<std::string_view, double>::first);
  if (found == tera.end()) return std::nullopt;
  return 1e12 * found->second;
}

}  // namespace atl::train
