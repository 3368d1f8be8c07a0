// The flat buffer: fragments are contiguous, tensors whole, order that of declaration.
#include "tensor/param_table.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl;
using tensor::Kind;
using tensor::ParamTable;
using tensor::TensorSpec;

namespace {

std::vector<TensorSpec> small_model() {
  return {{"embedding", Kind::embedding, 10, 4},
          {"query", Kind::matrix, 4, 4},
          {"norm", Kind::vector, 4},
          {"output", Kind::matrix, 4, 3}};
}

// embedding and norm in fragment 1, query and output in fragment 0.
constexpr std::array fragments_of_small_model = {1, 0, 1, 0};

ParamTable small_table() { return {small_model(), fragments_of_small_model, 2}; }

std::vector<std::string> names(std::vector<tensor::Tensor const*> const& tensors) {
  std::vector<std::string> names;
  for (auto const* tensor : tensors) names.push_back(tensor->name);
  return names;
}

}  // namespace

TEST_CASE("fragments follow one another and fill the buffer") {
  auto const table = small_table();
  REQUIRE(table.fragments() == 2);
  CHECK(table.size() == 40 + 16 + 4 + 12);
  CHECK(table.fragment(0).offset == 0);
  CHECK(table.fragment(0).size == 16 + 12);
  CHECK(table.fragment(1).offset == 28);
  CHECK(table.fragment(1).size == 40 + 4);
}

TEST_CASE("the tensors of a fragment lie in the order of their declaration, each in one piece") {
  auto const table = small_table();
  CHECK(names(table.tensors_of(0)) == std::vector<std::string>{"query", "output"});
  CHECK(names(table.tensors_of(1)) == std::vector<std::string>{"embedding", "norm"});
  for (int p = 0; p < table.fragments(); ++p) {
    auto next = table.fragment(p).offset;
    for (auto const* tensor : table.tensors_of(p)) {
      CHECK(tensor->fragment == p);
      CHECK(tensor->range.offset == next);
      CHECK(tensor->range.size == tensor->rows * tensor->cols);
      next += tensor->range.size;
    }
    CHECK(next == table.fragment(p).offset + table.fragment(p).size);
  }
}

TEST_CASE("tensors are listed as the model declares them and found by name") {
  auto const table = small_table();
  REQUIRE(table.tensors().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(table.tensors()[i].name == small_model()[i].name);
  CHECK(table.find("norm").range.offset == 28 + 40);
  CHECK(table.find("norm").kind == Kind::vector);
  CHECK_THROWS_AS(table.find("nrom"), base::RuntimeFailure);
  CHECK_THROWS_WITH(table.find("nrom"), ContainsSubstring("'nrom'"));
}

TEST_CASE("equal tables have equal digests") { CHECK(small_table().digest() == small_table().digest()); }

TEST_CASE("whatever makes two buffers not interchangeable changes the digest") {
  auto specs = small_model();
  auto fragments = std::vector<int>(fragments_of_small_model.begin(), fragments_of_small_model.end());
  SECTION("a name") { specs[1].name = "key"; }
  SECTION("a kind") { specs[0].kind = Kind::matrix; }
  SECTION("a shape of the same size") { specs[3] = {"output", Kind::matrix, 3, 4}; }
  SECTION("a fragment") { fragments[3] = 1; }
  SECTION("the order") { std::swap(specs[1], specs[3]); }
  CHECK(ParamTable(specs, fragments, 2).digest() != small_table().digest());
}

TEST_CASE("a table with an empty fragment, or a tensor without one, is refused") {
  CHECK_THROWS_AS(ParamTable(small_model(), fragments_of_small_model, 3), base::RuntimeFailure);
  CHECK_THROWS_AS(ParamTable(small_model(), fragments_of_small_model, 1), base::RuntimeFailure);
  CHECK_THROWS_AS(ParamTable(small_model(), std::array{0, 0, -1, 0}, 1), base::RuntimeFailure);
  CHECK_THROWS_AS(ParamTable(small_model(), std::array{0, 0, 0}, 1), base::RuntimeFailure);
}
