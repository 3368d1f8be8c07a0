// The merge rules against their definitions, written out naively in long double.
#include "outer/merge.hpp"

#include <cmath>
#include <string>

#include "base/rng.hpp"
#include "support/catch.hpp"

using namespace atl;
using outer::MergeRule;
using tensor::Kind;

namespace {

using Vector = std::vector<float>;

Vector random_vector(std::size_t size, std::uint64_t seed, double deviation = 1.0) {
  base::Philox const random{seed};
  Vector values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(deviation * random.normal(0, i));
  return values;
}

// Two fragments, so that the second one does not start at offset 0; sizes that no block divides.
tensor::ParamTable two_fragments() {
  std::vector<tensor::TensorSpec> specs = {{"first", Kind::matrix, 7, 11},
                                           {"embedding", Kind::embedding, 41, 37},
                                           {"matrix", Kind::matrix, 53, 61},
                                           {"norm", Kind::vector, 5, 1}};
  std::vector<int> const fragment_of = {0, 1, 1, 1};
  return {specs, fragment_of, 2};
}

struct Member {
  Vector delta;
  double weight;
};

// Merges fragment 1 of the table above.
Vector merge(MergeRule rule, std::vector<Member> const& members) {
  auto const table = two_fragments();
  auto const tensors = table.tensors_of(1);
  std::vector<outer::Weighted> weighted;
  for (auto const& member : members) weighted.push_back({member.delta, member.weight});
  Vector out(table.fragment(1).size, 1e9f);
  outer::merge(rule, tensors, table.fragment(1), weighted, out);
  return out;
}

Vector naive_average(std::vector<Member> const& members) {
  Vector out(members[0].delta.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    long double sum = 0.0L;
    long double total = 0.0L;
    for (auto const& member : members) {
      sum += static_cast<long double>(member.weight) * member.delta[i];
      total += member.weight;
    }
    out[i] = static_cast<float>(sum / total);
  }
  return out;
}

long double naive_length(std::vector<long double> const& x) {
  long double squares = 0.0L;
  for (auto const value : x) squares += value * value;
  return std::sqrt(squares);
}

// phi(x) = x/|x|, phi(0) = 0.
std::vector<long double> phi(std::vector<long double> x) {
  long double const length = naive_length(x);
  for (auto& value : x) value = length > 0.0L ? value / length : 0.0L;
  return x;
}

// App. D.2 as it is printed, for the elements first..first+size of each delta.
std::vector<long double> naive_rda(std::vector<Member> const& members, std::size_t first, std::size_t size) {
  long double total = 0.0L;
  long double lengths = 0.0L;
  std::vector<long double> direction(size, 0.0L);
  for (auto const& member : members) {
    auto const begin = member.delta.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<long double> const x(begin, begin + static_cast<std::ptrdiff_t>(size));
    auto const unit = phi(x);
    total += member.weight;
    lengths += member.weight * naive_length(x);
    for (std::size_t i = 0; i < size; ++i) direction[i] += member.weight * unit[i];
  }
  for (auto& value : direction) value /= total;
  auto result = phi(direction);
  for (auto& value : result) value *= lengths / total;
  return result;
}

std::size_t const fragment_size = two_fragments().fragment(1).size;
constexpr std::size_t embedding_size = 41 * 37;
constexpr std::size_t matrix_size = 53 * 61;

std::vector<Member> three_members() {
  return {{random_vector(fragment_size, 1), 3.0},
          {random_vector(fragment_size, 2, 0.1), 1.5e9},
          {random_vector(fragment_size, 3, 20.0), 1.1e9}};
}

}  // namespace

TEST_CASE("average is the weighted mean of the members") {
  auto const members = three_members();
  auto const merged = merge(MergeRule::average, members);
  auto const expected = naive_average(members);
  for (std::size_t i = 0; i < merged.size(); ++i) {
    INFO("element " << i);
    REQUIRE_THAT(merged[i], WithinRel(expected[i], 1e-6f));
  }
}

TEST_CASE("RDA takes the mean length and the mean direction of each tensor by itself") {
  auto const members = three_members();
  auto const merged = merge(MergeRule::rda, members);
  struct Part {
    std::size_t first, size;
  };
  for (Part const part : {Part{embedding_size, matrix_size}, Part{embedding_size + matrix_size, 5}}) {
    auto const expected = naive_rda(members, part.first, part.size);
    for (std::size_t i = 0; i < part.size; ++i) {
      INFO("element " << part.first + i);
      REQUIRE_THAT(merged[part.first + i], WithinRel(static_cast<float>(expected[i]), 1e-6f));
    }
  }
}

TEST_CASE("RDA averages embeddings") {
  auto const members = three_members();
  auto const merged = merge(MergeRule::rda, members);
  auto const averaged = merge(MergeRule::average, members);
  CHECK(Vector(merged.begin(), merged.begin() + embedding_size) ==
        Vector(averaged.begin(), averaged.begin() + embedding_size));
  CHECK(merged.back() != averaged.back());
}

TEST_CASE("equal members give that member back") {
  auto const rule = GENERATE(MergeRule::average, MergeRule::rda);
  auto const delta = random_vector(fragment_size, 4, 1e-4);
  CHECK(merge(rule, {{delta, 0.7}}) == delta);
  CHECK(merge(rule, {{delta, 0.7}, {delta, 1e12}, {delta, 3.3}}) == delta);
}

TEST_CASE("a member that did not move has length 0 and no direction") {
  // phi(0) = 0: the merged direction is the other's, the merged length half of the other's.
  auto const delta = random_vector(fragment_size, 5);
  auto const merged = merge(MergeRule::rda, {{delta, 1.0}, {Vector(fragment_size, 0.0f), 1.0}});
  for (std::size_t i = 0; i < merged.size(); ++i) REQUIRE_THAT(merged[i], WithinRel(0.5f * delta[i], 1e-6f));

  Vector const still(fragment_size, 0.0f);
  CHECK(merge(MergeRule::rda, {{still, 1.0}, {still, 2.0}}) == still);
}

TEST_CASE("members that point in opposite directions are averaged") {
  auto const delta = random_vector(fragment_size, 6);
  Vector opposite(delta);
  for (float& value : opposite) value *= -2.0f;  // exact, so that the directions cancel to the last bit
  // RDA is not defined then; the average is.
  auto const merged = merge(MergeRule::rda, {{delta, 1.0}, {opposite, 1.0}});
  for (std::size_t i = 0; i < merged.size(); ++i) REQUIRE_THAT(merged[i], WithinRel(-0.5f * delta[i], 1e-6f));
}

TEST_CASE("orthogonal members keep their mean length under RDA, and lose some of it in an average") {
  Vector x(fragment_size, 0.0f);
  Vector y(fragment_size, 0.0f);
  std::size_t const matrix = embedding_size;
  x[matrix] = 3.0f;
  y[matrix + 1] = 5.0f;
  auto const merged = merge(MergeRule::rda, {{x, 1.0}, {y, 1.0}});
  CHECK_THAT(std::hypot(merged[matrix], merged[matrix + 1]), WithinRel(4.0f, 1e-6f));
  CHECK_THAT(merged[matrix], WithinRel(merged[matrix + 1], 1e-6f));
  auto const averaged = merge(MergeRule::average, {{x, 1.0}, {y, 1.0}});
  CHECK(averaged[matrix] == 1.5f);
  CHECK(averaged[matrix + 1] == 2.5f);
}

TEST_CASE("a tiny and a huge member neither vanish nor overflow") {
  auto const small = random_vector(fragment_size, 7, 1e-30);
  auto const large = random_vector(fragment_size, 8, 1e30);
  auto const merged = merge(MergeRule::rda, {{small, 1.0}, {large, 1.0}});
  auto const expected = naive_rda({{small, 1.0}, {large, 1.0}}, embedding_size, matrix_size);
  for (std::size_t i = 0; i < matrix_size; ++i) {
    REQUIRE_THAT(merged[embedding_size + i], WithinRel(static_cast<float>(expected[i]), 1e-6f));
  }
}
