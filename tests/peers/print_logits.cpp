// Prints the logits of a model after each of some tokens, as JSON: for comparison with other programs.
//
// print_logits CHECKPOINT TOKEN...
#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "kernels/on_host.hpp"
#include "model/transformer.hpp"
#include "train/trained_model.hpp"

namespace {

nlohmann::json logits(char const* checkpoint, std::span<std::int32_t const> tokens) {
  auto trained = atl::train::load_model(checkpoint);
  auto const parameters = atl::kernels::copy_of("parameters", std::exchange(trained.parameters, {}));
  atl::model::Transformer model(atl::kernels::Exec(), trained.config.model, trained.table, 1);
  std::vector<float> row(static_cast<std::size_t>(trained.config.model.vocab));
  auto rows = nlohmann::json::array();
  for (std::size_t length = 1; length <= tokens.size(); ++length) {
    model.next_token_logits(tokens.first(length), 1, static_cast<int>(length), parameters, row);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  if (argc < 3) {
    fmt::print(stderr, "usage: print_logits CHECKPOINT TOKEN...\n");
    return 2;
  }
  std::vector<std::int32_t> tokens;
  for (int i = 2; i < argc; ++i) tokens.push_back(std::atoi(argv[i]));
  try {
    fmt::print("{}\n", logits(argv[1], tokens).dump());
  } catch (std::exception const& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 3;
  }
  return 0;
}
