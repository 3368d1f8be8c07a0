// Which rank of the world is what.
#include "comm/site_layout.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl;
using comm::Role;
using comm::SiteLayout;

namespace {

deck::RunConfig deck_with(int shards, int sites, std::vector<int> ranks) {
  deck::RunConfig config;
  config.syncer.ranks = shards;
  config.sites.count = sites;
  config.sites.ranks = std::move(ranks);
  return config;
}

bool is_at(comm::Place place, Role role, int group, int rank) {
  return place.role == role && place.group == group && place.rank == rank;
}

}  // namespace

TEST_CASE("the shards come first, then the sites in order, each led by its lowest rank") {
  SiteLayout const layout(deck_with(2, 3, {1, 3, 2}), 8);
  CHECK(layout.shards() == 2);
  CHECK(layout.sites() == 3);
  CHECK(is_at(layout.place(0), Role::shard, 0, 0));
  CHECK(is_at(layout.place(1), Role::shard, 1, 0));
  CHECK(is_at(layout.place(2), Role::site, 0, 0));
  CHECK(is_at(layout.place(3), Role::site, 1, 0));
  CHECK(is_at(layout.place(5), Role::site, 1, 2));
  CHECK(is_at(layout.place(6), Role::site, 2, 0));
  CHECK(is_at(layout.place(7), Role::site, 2, 1));
}

TEST_CASE("the rank of a shard and of a leader is where place() finds them") {
  SiteLayout const layout(deck_with(2, 3, {2, 1, 3}), 8);
  for (int shard = 0; shard < 2; ++shard)
    CHECK(is_at(layout.place(layout.shard_rank(shard)), Role::shard, shard, 0));
  for (int site = 0; site < 3; ++site)
    CHECK(is_at(layout.place(layout.leader_rank(site)), Role::site, site, 0));
}

TEST_CASE("spares come last") {
  auto config = deck_with(1, 2, {2, 1});
  config.sites.spares = 2;
  SiteLayout const layout(config, 6);
  CHECK(SiteLayout::ranks_needed(config) == 6);
  CHECK(is_at(layout.place(3), Role::site, 1, 0));
  CHECK(is_at(layout.place(4), Role::spare, 0, 0));
  CHECK(is_at(layout.place(5), Role::spare, 1, 0));
}

TEST_CASE("one number of ranks stands for all sites") {
  SiteLayout const layout(deck_with(1, 3, {2}), 7);
  for (int site = 0; site < 3; ++site) CHECK(layout.site_size(site) == 2);
}

TEST_CASE("with data_parallel all training ranks are one site") {
  auto config = deck_with(1, 3, {1, 3, 2});
  config.run.method = deck::Method::data_parallel;
  SiteLayout const layout(config, 7);
  CHECK(layout.sites() == 1);
  CHECK(layout.site_size(0) == 6);
  CHECK(is_at(layout.place(6), Role::site, 0, 5));
}

TEST_CASE("fragments are dealt to the shards in turn") {
  SiteLayout const layout(deck_with(3, 1, {1}), 4);
  CHECK(layout.owner(0) == 0);
  CHECK(layout.owner(2) == 2);
  CHECK(layout.owner(4) == 1);
}

TEST_CASE("another number of ranks than the deck needs is an input error that names both") {
  auto const config = deck_with(1, 2, {2});
  CHECK(SiteLayout::ranks_needed(config) == 5);
  for (int const started : {1, 4, 6}) {
    INFO(started << " ranks");
    CHECK_THROWS_AS(SiteLayout(config, started), base::InputError);
  }
  CHECK_THROWS_WITH(SiteLayout(config, 4), ContainsSubstring("4 ranks") && ContainsSubstring("mpirun -n 5"));
}

TEST_CASE("sites of different sizes need the sum of their ranks, and every rank of the world has one place") {
  auto const config = deck_with(2, 4, {3, 1, 5, 2});
  REQUIRE(SiteLayout::ranks_needed(config) == 13);
  SiteLayout const layout(config, 13);
  int next = 2;
  for (int site = 0; site < 4; ++site) {
    CHECK(layout.leader_rank(site) == next);
    CHECK(layout.site_size(site) == config.sites.ranks[static_cast<std::size_t>(site)]);
    for (int rank = 0; rank < layout.site_size(site); ++rank)
      CHECK(is_at(layout.place(next++), Role::site, site, rank));
  }
  CHECK(next == 13);
  CHECK_THROWS_WITH(SiteLayout(config, 12), ContainsSubstring("the deck needs 13"));
}

TEST_CASE("the sizes of the sites are known without a world") {
  CHECK(SiteLayout::site_sizes(deck_with(1, 3, {2})) == std::vector{2, 2, 2});
  auto config = deck_with(1, 3, {1, 3, 2});
  CHECK(SiteLayout::site_sizes(config) == std::vector{1, 3, 2});
  config.run.method = deck::Method::data_parallel;
  CHECK(SiteLayout::site_sizes(config) == std::vector{6});
}

TEST_CASE("numbers of ranks that fit neither one nor each site are an input error") {
  CHECK_THROWS_AS(SiteLayout::ranks_needed(deck_with(1, 3, {1, 2})), base::InputError);
}

TEST_CASE("with data_parallel a rank still trains on the text of its site in the deck") {
  auto config = deck_with(1, 3, {1, 3, 2});
  config.run.method = deck::Method::data_parallel;
  SiteLayout const layout(config, 7);
  CHECK(is_at(layout.deck_place(0), Role::shard, 0, 0));
  CHECK(is_at(layout.deck_place(1), Role::site, 0, 0));
  CHECK(is_at(layout.deck_place(4), Role::site, 1, 2));
  CHECK(is_at(layout.deck_place(5), Role::site, 2, 0));
  CHECK(layout.deck_size(1) == 3);
}
