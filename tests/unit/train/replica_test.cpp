#include "train/replica.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace atl;
using protocol::AdoptRule;

namespace {

comm::Communicator const alone;  // a site of one rank

// Two fragments: "a" has 2 elements, "b" has 3.
train::RunPlan plan_with(deck::Receive receive, outer::Codec codec = outer::Codec::fp32) {
  std::vector<tensor::TensorSpec> specs{{"a", tensor::Kind::vector, 2, 1}, {"b", tensor::Kind::vector, 3, 1}};
  std::vector<int> const fragments{0, 1};
  train::RunPlan plan{.table = tensor::ParamTable(std::move(specs), fragments, 2)};
  plan.outer.receive = receive;
  plan.outer.blend = 0.25;
  plan.codec = codec;
  return plan;
}

void adopt(train::Replica& replica, std::vector<float> const& values, AdoptRule rule) {
  kernels::Staging staging;
  auto const release = outer::encode(outer::Codec::fp32, values);
  staging.come(release);
  replica.adopt(1, staging.arrived(kernels::Exec()), rule);
}

std::vector<float> outer_gradient(train::Replica& replica, outer::Codec codec) {
  kernels::Staging staging;
  replica.outer_gradient(1, staging);
  staging.wait();
  std::vector<float> values(3);
  outer::decode(codec, staging.bytes(), values);
  return values;
}

// Training moves every element of theta by `amount`.
void drift(train::Replica& replica, float amount) {
  replica.change({0, 5}, [&](auto theta) {
    for (float& x : theta) x += amount;
  });
}

std::vector<float> fragment_1(train::Replica const& replica) {
  auto const theta = replica.values();
  return {theta.begin() + 2, theta.end()};
}

std::vector<float> base_1(train::Replica const& replica) {
  auto const base = replica.outer_values({2, 3});
  return {base.begin(), base.end()};
}

}  // namespace

TEST_CASE("an overwriting release replaces theta and becomes the base, of its fragment alone") {
  auto const plan = plan_with(deck::Receive::overwrite);
  train::Replica replica(plan, alone);
  drift(replica, 1.0F);
  adopt(replica, {5.0F, 6.0F, 7.0F}, AdoptRule::overwrite);
  CHECK(fragment_1(replica) == std::vector{5.0F, 6.0F, 7.0F});
  CHECK(base_1(replica) == std::vector{5.0F, 6.0F, 7.0F});
  CHECK(replica.values()[0] == 1.0F);
}

TEST_CASE("the outer gradient is the base minus theta") {
  auto const plan = plan_with(deck::Receive::overwrite);
  train::Replica replica(plan, alone);
  adopt(replica, {5.0F, 6.0F, 7.0F}, AdoptRule::overwrite);
  drift(replica, 0.5F);
  CHECK(outer_gradient(replica, plan.codec) == std::vector{-0.5F, -0.5F, -0.5F});
}

TEST_CASE("a blended release keeps alpha of theta, and becomes the base whole") {
  auto const plan = plan_with(deck::Receive::blend);
  train::Replica replica(plan, alone);
  adopt(replica, {0.0F, 0.0F, 0.0F}, AdoptRule::overwrite);
  drift(replica, 4.0F);
  adopt(replica, {8.0F, 8.0F, 8.0F}, AdoptRule::blend);
  CHECK(fragment_1(replica) == std::vector{7.0F, 7.0F, 7.0F});
  CHECK(base_1(replica) == std::vector{8.0F, 8.0F, 8.0F});
}

TEST_CASE(
    "what bf16 leaves out of a merged contribution goes into the next, and of a dropped one it does not") {
  auto const plan = plan_with(deck::Receive::overwrite, outer::Codec::bf16);
  train::Replica replica(plan, alone);
  adopt(replica, {0.0F, 0.0F, 0.0F}, AdoptRule::overwrite);
  drift(replica, -1.001953125F);  // 1 + 2^-9: half way to the next bf16, rounded down to 1
  CHECK(outer_gradient(replica, plan.codec) == std::vector{1.0F, 1.0F, 1.0F});
  bool const merged = GENERATE(true, false);
  replica.settle(1, merged);
  float const next = merged ? 1.0078125F : 1.0F;  // 1.0039 + 0.002 is nearer to 1 + 2^-7
  drift(replica, -0.001953125F);
  CHECK(outer_gradient(replica, plan.codec) == std::vector{next, next, next});
}

TEST_CASE("after a merged contribution the release keeps what was trained since the snapshot") {
  auto const plan = plan_with(deck::Receive::rebase);
  train::Replica replica(plan, alone);
  adopt(replica, {0.0F, 0.0F, 0.0F}, AdoptRule::overwrite);
  drift(replica, 1.0F);
  replica.take_snapshot(1);
  drift(replica, 0.25F);
  adopt(replica, {10.0F, 10.0F, 10.0F}, AdoptRule::rebase_on_snapshot);
  CHECK(fragment_1(replica) == std::vector{10.25F, 10.25F, 10.25F});
  CHECK(base_1(replica) == std::vector{10.0F, 10.0F, 10.0F});
}

TEST_CASE("without a merged contribution the release keeps all that was trained since the base") {
  auto const plan = plan_with(deck::Receive::rebase);
  train::Replica replica(plan, alone);
  adopt(replica, {0.0F, 0.0F, 0.0F}, AdoptRule::overwrite);
  drift(replica, 1.0F);
  replica.take_snapshot(1);
  drift(replica, 0.25F);
  adopt(replica, {10.0F, 10.0F, 10.0F}, AdoptRule::rebase_on_base);
  CHECK(fragment_1(replica) == std::vector{11.25F, 11.25F, 11.25F});

  SECTION("and a snapshot whose fate turns out merged later has moved along") {
    adopt(replica, {20.0F, 20.0F, 20.0F}, AdoptRule::rebase_on_snapshot);
    CHECK(fragment_1(replica) == std::vector{20.25F, 20.25F, 20.25F});
  }
}

TEST_CASE("a replica without exchange is judged by its own parameters") {
  auto plan = plan_with(deck::Receive::overwrite);
  plan.config.run.method = deck::Method::data_parallel;
  train::Replica replica(plan, alone);
  drift(replica, 2.0F);
  CHECK(replica.outer_values({3, 1})[0] == 2.0F);
}
