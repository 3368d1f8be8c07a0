#include "train/replica.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace atl;
using protocol::AdoptRule;

namespace {

// Two fragments: "a" has 2 elements, "b" has 3.
tensor::ParamTable small_table() {
  std::vector<tensor::TensorSpec> specs{{"a", tensor::Kind::vector, 2, 1}, {"b", tensor::Kind::vector, 3, 1}};
  std::vector<int> const fragments{0, 1};
  return {std::move(specs), fragments, 2};
}

// Training moves every element of theta by `amount`.
void drift(train::Replica& replica, float amount) {
  auto const theta = replica.parameters();
  for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += amount;
}

std::vector<float> fragment_1(train::Replica const& replica) {
  auto const theta = replica.parameters();
  return {theta[2], theta[3], theta[4]};
}

std::vector<float> base_1(train::Replica const& replica) {
  auto const base = replica.outer_parameters();
  return {base[2], base[3], base[4]};
}

}  // namespace

TEST_CASE("an overwriting release replaces theta and becomes the base, of its fragment alone") {
  auto const table = small_table();
  train::Replica replica(table, true, false);
  drift(replica, 1.0F);
  replica.adopt(1, std::vector{5.0F, 6.0F, 7.0F}, AdoptRule::overwrite);
  CHECK(fragment_1(replica) == std::vector{5.0F, 6.0F, 7.0F});
  CHECK(base_1(replica) == std::vector{5.0F, 6.0F, 7.0F});
  CHECK(replica.parameters()[0] == 1.0F);
}

TEST_CASE("the outer gradient is the base minus theta") {
  auto const table = small_table();
  train::Replica replica(table, true, false);
  replica.adopt(1, std::vector{5.0F, 6.0F, 7.0F}, AdoptRule::overwrite);
  drift(replica, 0.5F);
  CHECK(*replica.outer_gradient(1) == std::vector{-0.5F, -0.5F, -0.5F});
}

TEST_CASE("after a merged contribution the release keeps what was trained since the snapshot") {
  auto const table = small_table();
  train::Replica replica(table, true, true);
  replica.adopt(1, std::vector{0.0F, 0.0F, 0.0F}, AdoptRule::overwrite);
  drift(replica, 1.0F);
  replica.take_snapshot(1);
  drift(replica, 0.25F);
  replica.adopt(1, std::vector{10.0F, 10.0F, 10.0F}, AdoptRule::rebase_on_snapshot);
  CHECK(fragment_1(replica) == std::vector{10.25F, 10.25F, 10.25F});
  CHECK(base_1(replica) == std::vector{10.0F, 10.0F, 10.0F});
}

TEST_CASE("without a merged contribution the release keeps all that was trained since the base") {
  auto const table = small_table();
  train::Replica replica(table, true, true);
  replica.adopt(1, std::vector{0.0F, 0.0F, 0.0F}, AdoptRule::overwrite);
  drift(replica, 1.0F);
  replica.take_snapshot(1);
  drift(replica, 0.25F);
  replica.adopt(1, std::vector{10.0F, 10.0F, 10.0F}, AdoptRule::rebase_on_base);
  CHECK(fragment_1(replica) == std::vector{11.25F, 11.25F, 11.25F});

  SECTION("and a snapshot whose fate turns out merged later has moved along") {
    replica.adopt(1, std::vector{20.0F, 20.0F, 20.0F}, AdoptRule::rebase_on_snapshot);
    CHECK(fragment_1(replica) == std::vector{20.25F, 20.25F, 20.25F});
  }
}

TEST_CASE("a replica without exchange is judged by its own parameters") {
  auto const table = small_table();
  train::Replica replica(table, false, false);
  drift(replica, 2.0F);
  CHECK(replica.outer_parameters()[3] == 2.0F);
}
