// A small real transformer in virtual time: its parameters travel through the real codecs and merges.
#include "model/transformer.hpp"

#include <cmath>

#include "base/rng.hpp"
#include "kernels/buffer.hpp"
#include "model/initialize.hpp"
#include "model/parameters.hpp"
#include "small_world.hpp"
#include "support/catch.hpp"
#include "support/host_copy.hpp"
#include "tensor/partition.hpp"
#include "unit/model/small_model.hpp"

using namespace atl;
using namespace atl::sim;

namespace {

// What follows a token t is 5 t + 3 (mod 32), everywhere; every site sees other tokens. Plain SGD.
class TinyTransformer : public Problem {
 public:
  explicit TinyTransformer(int fragments)
      : table_(model::parameter_specs(model_),
               tensor::partition_balanced(model::parameter_specs(model_), fragments), fragments),
        params_(kernels::make_float_buffer("params", table_.size())),
        gradients_(kernels::make_float_buffer("gradients", table_.size())),
        transformer_(kernels::Exec(), model_, table_, sequences) {}

  tensor::ParamTable const& table() const override { return table_; }

  std::vector<float> initial(int fragment) const override {
    std::vector<float> all(table_.size());
    auto const tensors = table_.tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i)
      model::initialize(tensors[i], i, model_, 7,
                        std::span(all).subspan(tensors[i].range.offset, tensors[i].size()));
    auto const range = table_.fragment(fragment);
    auto const begin = all.begin() + static_cast<std::ptrdiff_t>(range.offset);
    return {begin, begin + static_cast<std::ptrdiff_t>(range.size)};
  }

  void train(int site, std::uint64_t step, std::span<float> theta) const override {
    constexpr float rate = 0.5f;
    Text const text(model_, static_cast<std::uint64_t>(site) + 1, step);
    test::from_host({theta.begin(), theta.end()}, params_);
    transformer_.forward_backward(text.batch(), params_, 1.0 / static_cast<double>(text.targets.size()),
                                  gradients_, {});
    auto const gradients = test::to_host(gradients_);
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] -= rate * gradients[i];
  }

  double loss(int, std::span<float const> theta) const override {
    Text const text(model_, 0, 0);
    test::from_host({theta.begin(), theta.end()}, params_);
    return transformer_.forward_loss(text.batch(), params_).mean();
  }

 private:
  static constexpr int sequences = 8;

  struct Text {
    std::vector<std::int32_t> tokens, targets;
    int length;

    Text(deck::ModelSection const& model, std::uint64_t seed, std::uint64_t step) : length(model.context) {
      base::Philox const random{seed};
      for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(sequences * length); ++i) {
        auto const token = random.below(static_cast<std::uint64_t>(model.vocab), step, i);
        tokens.push_back(static_cast<std::int32_t>(token));
        targets.push_back(
            static_cast<std::int32_t>((5 * token + 3) % static_cast<std::uint64_t>(model.vocab)));
      }
    }
    model::Batch batch() const { return {tokens, targets, sequences, length}; }
  };

  deck::ModelSection model_ = test::small_section();
  tensor::ParamTable table_;
  kernels::FloatBuffer params_, gradients_;
  mutable model::Transformer transformer_;
};

Scenario three_sites() {
  auto scenario = test::small_scenario(3, 2);
  scenario.outer.fragments = 4;
  scenario.outer.codec = deck::Codec::e3m0;
  scenario.outer.release_codec = deck::Codec::int8;
  scenario.outer.receive = deck::Receive::overwrite;
  return scenario;
}

Outcome run(Scenario const& scenario) {
  TinyTransformer const problem(scenario.outer.fragments);
  Trace silent(false);
  return World(scenario, silent, nullptr, nullptr, &problem).run();
}

}  // namespace

TEST_CASE("a transformer learns in virtual time, though a site is lost and heals and another stands still") {
  auto scenario = three_sites();
  scenario.steps = 160;
  auto const calm = run(scenario);
  scenario.faults = {{.kind = FaultKind::loss, .from_s = 30.0, .to_s = 50.0, .node = 1},
                     {.kind = FaultKind::stall, .from_s = 60.0, .to_s = 80.0, .node = 2},
                     {.kind = FaultKind::damage, .from_s = 20.0, .to_s = 90.0, .node = 0, .strength = 0.2}};
  auto const stormy = run(scenario);
  CHECK_FALSE(calm.violation);
  CHECK_FALSE(stormy.violation);
  CHECK(stormy.faults == 3);
  double const untrained = std::log(32.0);
  CHECK(calm.loss < 0.2 * untrained);
  CHECK(stormy.loss < 0.2 * untrained);
}
