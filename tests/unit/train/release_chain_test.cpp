// Releases as differences, from the shard's outer model to what a site adopts: the same bits at both ends.
#include "train/release_chain.hpp"

#include <cmath>
#include <limits>

#include "base/rng.hpp"
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "train/outer_model.hpp"

using namespace atl;
using outer::Codec;
using transport::Payload;

namespace {

constexpr std::size_t size = 600;

// Fragment 0 has `size` numbers, fragment 1 has 3. Outer steps are plain sums.
train::RunPlan plan_with(std::optional<Codec> difference_codec, Codec release_codec = Codec::fp32) {
  std::vector<tensor::TensorSpec> specs{{"a", tensor::Kind::matrix, size / 2, 2},
                                        {"b", tensor::Kind::vector, 3, 1}};
  std::vector<int> const fragments{0, 1};
  train::RunPlan plan{.table = tensor::ParamTable(std::move(specs), fragments, 2)};
  plan.config.syncer.ranks = 1;
  plan.outer.optimizer = deck::OuterOptimizerKind::sgd;
  plan.outer.lr = 1.0;
  plan.release_codec = release_codec;
  plan.difference_codec = difference_codec;
  return plan;
}

Payload payload_of(std::vector<std::byte> bytes) {
  return std::make_shared<std::vector<std::byte> const>(std::move(bytes));
}

// A commit of fragment 0 that makes version `commits`.
void commit(train::OuterModel& model, std::uint64_t commits) {
  base::Philox const random{commits};
  std::vector<float> delta(size);
  for (std::size_t i = 0; i < size; ++i) delta[i] = static_cast<float>(0.01 * (random.uniform(1, i) - 0.5));
  model.commit(0, commits, {{payload_of(outer::encode(Codec::fp32, delta)), 1.0, std::nullopt}});
}

protocol::Release release(std::uint64_t version, std::optional<std::uint64_t> since = std::nullopt) {
  protocol::Release release{.fragment = 0, .round = version, .version = {0, version}};
  if (since) release.since = protocol::Version{0, *since};
  return release;
}

train::OuterModel started(train::RunPlan const& plan) {
  train::OuterModel model(plan, 0);
  model.initialize();
  return model;
}

}  // namespace

TEST_CASE("what a site makes of differences is the shard's Theta, to the bit") {
  auto const plan = plan_with(GENERATE(Codec::int8, Codec::int4, Codec::e3m0));
  auto model = started(plan);
  train::ReleaseChain chain(plan);
  CHECK(*chain.whole(release(0), model.release(0)) == *model.release(0));
  for (std::uint64_t version = 1; version <= 20; ++version) {
    commit(model, version);
    REQUIRE(chain.fits(release(version, version - 1), model.difference(0)));
    REQUIRE(*chain.whole(release(version, version - 1), model.difference(0)) == *model.release(0));
  }
}

TEST_CASE("what differences leave out is not lost: Theta as released stays near to Theta in full") {
  auto const plan = plan_with(Codec::int4);
  auto model = started(plan);
  for (std::uint64_t version = 1; version <= 60; ++version) commit(model, version);
  auto values = test::saved(model);
  auto const& released = std::get<std::vector<float>>(values.at("model/a"));
  auto const& in_full = std::get<std::vector<float>>(values.at("outer_optimizer/fragment_0/theta"));
  float furthest = 0.0F;
  for (std::size_t i = 0; i < size; ++i) furthest = std::max(furthest, std::abs(released[i] - in_full[i]));
  CHECK(furthest > 0.0F);
  CHECK(furthest < 0.006F / 14 * 1.2F);  // the rounding of one commit, not of sixty
}

TEST_CASE("a site that was sent the whole in between goes on with differences") {
  auto const plan = plan_with(Codec::int4);
  auto model = started(plan);
  train::ReleaseChain chain(plan);
  commit(model, 1);
  CHECK_FALSE(chain.whole(release(1, 0), model.difference(0)));  // nothing to add it to
  commit(model, 2);
  CHECK_FALSE(chain.whole(release(2, 1), model.difference(0)));
  CHECK(chain.whole(release(2), model.release(0)));
  CHECK_FALSE(chain.whole(release(2, 1), model.difference(0)));  // a second time
  commit(model, 3);
  CHECK(*chain.whole(release(3, 2), model.difference(0)) == *model.release(0));
}

TEST_CASE("a release of an older version that comes late does not cut the chain") {
  auto const plan = plan_with(Codec::int4);
  auto model = started(plan);
  train::ReleaseChain chain(plan);
  auto const first = model.release(0);
  commit(model, 1);
  chain.whole(release(1), model.release(0));
  CHECK(chain.whole(release(0), first) == first);
  commit(model, 2);
  CHECK(chain.whole(release(2, 1), model.difference(0)));
}

TEST_CASE("a difference that is not of finite numbers is as good as lost") {
  auto const plan = plan_with(Codec::int8);
  auto model = started(plan);
  train::ReleaseChain chain(plan);
  chain.whole(release(0), model.release(0));
  std::vector<float> damaged(size);
  damaged[500] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(chain.whole(release(1, 0), payload_of(outer::encode(Codec::int8, damaged))));
  commit(model, 1);
  CHECK(chain.whole(release(1, 0), model.difference(0)));
}

TEST_CASE("payloads of another size, fragment or kind are found out") {
  auto const plan = plan_with(Codec::int4);
  train::ReleaseChain const chain(plan);
  auto const bytes = [](std::size_t count) { return payload_of(std::vector<std::byte>(count)); };
  CHECK(chain.fits(release(1), bytes(4 * size)));
  CHECK_FALSE(chain.fits(release(1), bytes(4 * size - 1)));
  CHECK_FALSE(chain.fits(release(1), nullptr));
  CHECK(chain.fits(release(1, 0), bytes(3 * 4 + size / 2)));
  CHECK_FALSE(chain.fits(release(1, 0), bytes(4 * size)));
  auto elsewhere = release(1);
  elsewhere.fragment = 2;
  CHECK_FALSE(chain.fits(elsewhere, bytes(4 * size)));

  auto const whole_always = plan_with(std::nullopt, Codec::bf16);
  train::ReleaseChain const other(whole_always);
  CHECK(other.fits(release(1), bytes(2 * size)));
  CHECK_FALSE(other.fits(release(1, 0), bytes(2 * size)));
}

TEST_CASE("an outer model that was saved goes on to the bit, with every kind of release") {
  auto const plan =
      GENERATE(plan_with(std::nullopt), plan_with(std::nullopt, Codec::bf16), plan_with(Codec::int4));
  auto model = started(plan);
  for (std::uint64_t version = 1; version <= 3; ++version) commit(model, version);
  auto const values = test::saved(model);

  train::OuterModel resumed(plan, 0);
  test::MemoryReader const reader(values);
  for (int p : {0, 1}) resumed.load(p, reader, 3);
  CHECK(*resumed.release(0) == *model.release(0));
  for (auto* each : {&model, &resumed}) commit(*each, 4);
  CHECK(*resumed.release(0) == *model.release(0));
  CHECK(resumed.digest(0) == model.digest(0));
  if (plan.difference_codec) CHECK(*resumed.difference(0) == *model.difference(0));
}

TEST_CASE("the model in a checkpoint is what sites decode") {
  auto const plan = plan_with(std::nullopt, Codec::bf16);
  auto model = started(plan);
  commit(model, 1);
  auto const values = test::saved(model);
  std::vector<float> decoded(size);
  outer::decode(Codec::bf16, *model.release(0), decoded);
  CHECK(std::get<std::vector<float>>(values.at("model/a")) == decoded);
}
