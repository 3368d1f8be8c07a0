// ZeRO-1: how the parameters are cut into shares, and that the cuts change nothing.
#include <algorithm>
#include <limits>

#include "operands.hpp"
#include "optim/optimizer_shares.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::test;
using deck::InnerOptimizerKind;
using optim::optimizer_shares;

namespace {

deck::InnerSection any_inner() {
  auto inner =
      inner_with(GENERATE(InnerOptimizerKind::adamw, InnerOptimizerKind::sgd, InnerOptimizerKind::muon), 0.1);
  inner.momentum = 0.5;
  return inner;
}

std::vector<std::size_t> sizes(std::vector<tensor::Range> const& shares) {
  std::vector<std::size_t> sizes;
  for (auto const share : shares) sizes.push_back(share.size);
  return sizes;
}

// Three steps by `before` ranks, saved, loaded by `after` ranks, three more.
std::vector<float> trained(deck::InnerSection const& inner, int before, int after) {
  auto const table = small_table();
  auto const params = filled(table.size(), 1.0f);
  auto first = ranks_of(inner, table, optimizer_shares(inner, table, before));
  take_steps(first, 1, 3, params);
  auto second = ranks_of(inner, table, optimizer_shares(inner, table, after));
  auto files = saved(first);
  std::ranges::reverse(files);
  load(second, files);
  CHECK(second.front().steps() == 3);
  take_steps(second, 4, 6, params);
  return values(params);
}

}  // namespace

TEST_CASE("shares are consecutive and cover the parameters, with more ranks than tensors too") {
  auto const inner = any_inner();
  auto const table = small_table();
  for (int const ranks : {1, 2, 3, 4, 40}) {
    INFO(ranks << " ranks");
    auto const shares = optimizer_shares(inner, table, ranks);
    REQUIRE(shares.size() == static_cast<std::size_t>(ranks));
    std::size_t end = 0;
    for (auto const share : shares) {
      CHECK(share.offset == end);
      end += share.size;
    }
    CHECK(end == table.size());
  }
}

TEST_CASE("shares of AdamW and SGD are equal up to the 16 elements that vector loops take") {
  tensor::ParamTable const table({{.name = "matrix", .rows = 1000, .cols = 1, .layer = 0}},
                                 std::vector<int>{0}, 1);
  auto const inner = inner_with(GENERATE(InnerOptimizerKind::adamw, InnerOptimizerKind::sgd), 0.1);
  CHECK(sizes(optimizer_shares(inner, table, 3)) == std::vector<std::size_t>{320, 336, 344});
}

TEST_CASE("a cut through a matrix of Muon goes to the nearer end of it, others stay") {
  tensor::ParamTable const table(
      {{.name = "embedding", .kind = tensor::Kind::embedding, .rows = 64, .cols = 1},
       {.name = "first", .rows = 48, .cols = 1, .layer = 0},
       {.name = "second", .rows = 16, .cols = 1, .layer = 0}},
      std::vector<int>{0, 0, 0}, 1);
  auto const inner = inner_with(InnerOptimizerKind::muon, 0.1);
  CHECK(sizes(optimizer_shares(inner, table, 4)) == std::vector<std::size_t>{32, 32, 48, 16});
  CHECK(sizes(optimizer_shares(inner, table, 3)) == std::vector<std::size_t>{32, 32, 64});
}

TEST_CASE("sharded ranks together take the steps of one rank, to the bit") {
  auto const inner = any_inner();
  auto const table = small_table();
  auto const params = filled(table.size(), 1.0f), expected = filled(table.size(), 1.0f);
  auto one = ranks_of(inner, table, {{0, table.size()}});
  auto several = ranks_of(inner, table, optimizer_shares(inner, table, GENERATE(2, 3, 40)));
  take_steps(one, 1, 4, expected);
  take_steps(several, 1, 4, params);
  CHECK(values(params) == values(expected));
}

TEST_CASE("a rank touches nothing outside its share") {
  auto const inner = any_inner();
  auto const table = small_table();
  auto const share = optimizer_shares(inner, table, 3)[1];
  auto const params = filled(table.size(), 1.0f), gradients = filled(table.size(), NAN);
  Kokkos::deep_copy(kernels::range<float>(gradients, share.offset, share.size), 1.0f);
  optim::InnerOptimizer optimizer({}, inner, table, share);
  optimizer.step(params, gradients, 0.01, 1.0);
  auto const stepped = values(params);
  for (std::size_t i = 0; i < table.size(); ++i) {
    bool const mine = i >= share.offset && i < share.offset + share.size;
    CHECK((stepped[i] != 1.0f) == mine);
    CHECK(std::isfinite(stepped[i]));
  }
}

TEST_CASE("what any number of ranks saved, any number of ranks loads and goes on to the same bits") {
  auto const inner = any_inner();
  auto const table = small_table();
  auto const expected = filled(table.size(), 1.0f);
  auto one = ranks_of(inner, table, {{0, table.size()}});
  take_steps(one, 1, 6, expected);
  for (auto const& [before, after] : {std::pair{1, 1}, {1, 3}, {3, 1}, {2, 3}, {4, 2}, {1, 40}, {40, 2}}) {
    INFO(before << " ranks, then " << after);
    CHECK(trained(inner, before, after) == values(expected));
  }
}

TEST_CASE("a saved state that does not fit is refused, and says why") {
  auto const inner = any_inner();
  auto const table = small_table();
  auto ranks = ranks_of(inner, table, optimizer_shares(inner, table, 3));
  auto files = saved(ranks);
  auto const refused = [&](std::string const& reason) {
    CHECK_THROWS_AS(load(ranks, files), base::InputError);
    CHECK_THROWS_WITH(load(ranks, files), ContainsSubstring(reason));
  };
  SECTION("a rank is missing") {
    files.erase(files.begin() + GENERATE(0, 1, 2));
    refused("element");
  }
  SECTION("a rank is there twice") {
    files.push_back(files[1]);
    refused("overlap");
  }
  SECTION("a share reaches beyond the end") {
    files[2]["elementwise/count"] = std::numeric_limits<std::uint64_t>::max();
    refused("reach beyond");
  }
  SECTION("of another model") {
    for (auto& file : files) file["elementwise/size"] = std::uint64_t{5};
    refused("saved for 5 elements");
  }
  SECTION("of another optimizer") {
    files[1]["optimizer"] = std::string("lion");
    refused("is of lion instead of");
  }
  SECTION("of different steps") {
    files[1]["steps"] = std::uint64_t{7};
    refused("step 7");
  }
}
