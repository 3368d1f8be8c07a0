// The outer parameters of a shard, and that a change of its memory is found.
#include "train/outer_model.hpp"

#include <vector>

#include "outer/codec.hpp"
#include "support/catch.hpp"
#include "support/memory_archive.hpp"

using namespace atl;

namespace {

// One fragment of one tensor of four elements.
train::RunPlan tiny_plan() {
  std::vector<tensor::TensorSpec> specs{{"a", tensor::Kind::vector, 4, 1}};
  std::vector<int> const fragments{0};
  train::RunPlan plan{.table = tensor::ParamTable(std::move(specs), fragments, 1)};
  plan.config.syncer.ranks = 1;
  plan.outer.optimizer = deck::OuterOptimizerKind::nesterov;
  return plan;
}

std::vector<train::OuterModel::Member> contribution() {
  std::vector<float> const delta{1.0F, 2.0F, 3.0F, 4.0F};
  return {
      {std::make_shared<std::vector<std::byte> const>(outer::encode(outer::Codec::fp32, delta)), 1.0, {}}};
}

// One bit of the memory that a shard holds Theta in.
void flip_a_bit(train::OuterModel const& model) {
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<float*>(model.theta(0).data()));
  bytes[5] ^= 0x10U;
}

}  // namespace

TEST_CASE("commits follow one another where memory keeps what they made") {
  auto const plan = tiny_plan();
  train::OuterModel model(plan, 0);
  model.initialize();
  CHECK_NOTHROW(model.commit(0, 1, contribution()));
  CHECK_NOTHROW(model.commit(0, 2, contribution()));
}

TEST_CASE("a bit of Theta that flips between two commits is found before the second") {
  auto const plan = tiny_plan();
  train::OuterModel model(plan, 0);
  model.initialize();
  model.commit(0, 1, contribution());
  flip_a_bit(model);
  CHECK_THROWS_AS(model.commit(0, 2, contribution()), train::Corrupted);
}

TEST_CASE("and before it gets into a checkpoint or to a backup") {
  auto const plan = tiny_plan();
  train::OuterModel model(plan, 0);
  model.initialize();
  flip_a_bit(model);
  base::Values values;
  base::MemoryWriter writer(values);
  CHECK_THROWS_AS(model.save(writer), train::Corrupted);
  CHECK_THROWS_AS(model.replica(0), train::Corrupted);
}
