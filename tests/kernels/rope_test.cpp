// Rotary embedding: the tables, the rotation of every head by its position, and back.
#include "kernels/rope.hpp"

#include "kernels/reference/rope.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double base = 10000.0;
constexpr std::size_t longest = 19;  // rows of the tables

struct Tables {
  explicit Tables(std::size_t head_dim)
      : cosine(unset(longest * head_dim / 2)), sine(unset(longest * head_dim / 2)) {
    rope_tables(Exec(), base, cosine.matrix(longest), sine.matrix(longest));
  }
  Operand cosine, sine;
};

reference::RopeShape const shapes[] = {{longest, 1, 2}, {longest, 3, 32}, {5, 2, 64}, {1, 4, 8}};

TEST_CASE("rope turns every head by its position, forward and back, for contexts up to the tables") {
  for (reference::RopeShape const& shape : shapes) {
    for (std::size_t const batch : {1, 3}) {
      INFO("context " << shape.context << " heads " << shape.heads << " head_dim " << shape.head_dim);
      Tables tables(shape.head_dim);
      std::size_t const count = batch * shape.context;
      Operand x = random_operand(count * shape.heads * shape.head_dim, 1);
      Operand const before = x;
      auto const forward = reference::rope_forward(x.values(), shape, base);
      auto const backward = reference::rope_backward(x.values(), shape, base);

      rope_forward(Exec(), tables.cosine.matrix(longest), tables.sine.matrix(longest), shape.context,
                   x.matrix(count));
      CHECK(relative_error(x, forward) < 3e-7);
      rope_backward(Exec(), tables.cosine.matrix(longest), tables.sine.matrix(longest), shape.context,
                    x.matrix(count));
      CHECK(relative_error(x, before.values()) < 3e-7);

      Operand dx = before;
      rope_backward(Exec(), tables.cosine.matrix(longest), tables.sine.matrix(longest), shape.context,
                    dx.matrix(count));
      CHECK(relative_error(dx, backward) < 3e-7);
    }
  }
}

TEST_CASE("rope backward is the derivative of its forward") {
  reference::RopeShape const shape{5, 2, 4};
  Tables tables(shape.head_dim);
  Operand x = random_operand(shape.context * shape.heads * shape.head_dim, 1);
  Operand dy = random_operand(x.size(), 2), dx = dy;
  rope_backward(Exec(), tables.cosine.matrix(longest), tables.sine.matrix(longest), shape.context,
                dx.matrix(shape.context));
  CHECK(relative_error(dx, finite_differences(x.values(), [&](auto const& v) {
                         return dot(reference::rope_forward(v, shape, base), dy.values());
                       })) < 1e-6);
}

TEST_CASE("rope turns the columns it is given and leaves the others alone") {
  std::size_t const head_dim = 4, context = 3;
  Tables tables(head_dim);
  Operand x = random_operand(context * 3 * head_dim, 1);
  reference::Values const before = x.values();
  rope_forward(Exec(), tables.cosine.matrix(longest), tables.sine.matrix(longest), context,
               columns(x.matrix(context), 0, 2 * head_dim));
  auto const after = x.floats();
  for (std::size_t i = 0; i < before.size(); ++i) {
    bool const turned =
        i >= 3 * head_dim && i % (3 * head_dim) < 2 * head_dim;  // position 0 stays where it is
    INFO("element " << i);
    CHECK((after[i] != static_cast<float>(before[i])) == turned);
  }
}

TEST_CASE("scores of rotated queries and keys depend on their distance alone") {
  std::size_t const head_dim = 16;
  Tables tables(head_dim);
  Operand const query = random_operand(head_dim, 1), key = random_operand(head_dim, 2);
  auto const at_every_position = [&](Operand const& head) {
    std::vector<float> copies;
    for (std::size_t t = 0; t < longest; ++t) {
      auto const copy = head.floats();
      copies.insert(copies.end(), copy.begin(), copy.end());
    }
    Operand x(copies);
    rope_forward(Exec(), tables.cosine.matrix(longest), tables.sine.matrix(longest), longest,
                 x.matrix(longest));
    return x.values();
  };
  auto const queries = at_every_position(query), keys = at_every_position(key);
  auto const score = [&](std::size_t t, std::size_t s) {
    return dot(reference::Input(queries).subspan(t * head_dim, head_dim),
               reference::Input(keys).subspan(s * head_dim, head_dim));
  };
  CHECK_THAT(score(18, 11), WithinAbs(score(7, 0), 1e-5));
  CHECK(std::abs(score(18, 10) - score(7, 0)) > 1e-3);
}
