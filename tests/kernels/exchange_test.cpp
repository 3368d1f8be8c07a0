// A site's side of the outer exchange: the same bits as what the simulator computes with (src/outer).
#include "kernels/exchange.hpp"

#include <cstring>
#include <tuple>

#include "kernels/staging.hpp"
#include "operands.hpp"
#include "outer/receive.hpp"
#include "outer/residual.hpp"

using namespace atl;
using namespace atl::kernels;
using namespace atl::kernels::test;
using outer::Codec;

namespace {

std::vector<std::byte> coded_by_kernel(Codec codec, OuterGradient const& gradient) {
  Staging staging;
  code(Exec(), codec, gradient, staging.room(outer::encoded_bytes(codec, gradient.base.extent(0))));
  staging.leave(Exec());
  staging.wait();
  return {staging.bytes().begin(), staging.bytes().end()};
}

std::vector<float> difference_of(Operand const& base, Operand const& theta) {
  std::vector<float> delta(base.size());
  outer::difference(base.floats(), theta.floats(), delta);
  return delta;
}

// A release of `values` and what a device sees of it.
struct Sent {
  Sent(Codec codec_of_it, std::vector<float> const& values)
      : codec(codec_of_it), bytes(outer::encode(codec, values)) {
    staging.come(bytes);
  }
  Released there() { return {codec, staging.arrived(Exec())}; }
  std::vector<float> decoded() const {
    std::vector<float> values(bytes.size() / (codec == Codec::fp32 ? 4 : 2));
    outer::decode(codec, bytes, values);
    return values;
  }

  Codec codec;
  std::vector<std::byte> bytes;
  Staging staging;
};

}  // namespace

TEST_CASE("a contribution is coded as the codec codes it, and leaves over what the codec leaves out") {
  auto const codec = GENERATE(Codec::bf16, Codec::int8, Codec::int4, Codec::e3m0);
  std::size_t const size = GENERATE(1, 2, 255, 256, 257, 1000);
  INFO("codec " << static_cast<int>(codec) << ", size " << size);
  Operand base = random_operand(size, 1), theta = random_operand(size, 2);
  Operand left = random_operand(size, 3, 0.01F), under_way = unset(size);
  if (size > 300) base.set(299, std::numeric_limits<float>::infinity());

  // The residual of an outer gradient whose last contribution left `left` over.
  std::vector<float> wanted = difference_of(base, theta);
  for (std::size_t i = 0; i < size; ++i) wanted[i] += left.floats()[i];
  outer::Residual residual(codec, size);
  auto const expected = residual.encode(wanted);

  auto const coded =
      coded_by_kernel(codec, {base.vector(), theta.vector(), left.vector(), under_way.vector()});
  CHECK(coded == expected);
  CHECK(bit_equal(under_way.floats(), {residual.under_way().begin(), residual.under_way().end()}));
}

TEST_CASE("a contribution in fp32 is the outer gradient itself") {
  Operand base = random_operand(1000, 1), theta = random_operand(1000, 2);
  auto const coded = coded_by_kernel(Codec::fp32, {base.vector(), theta.vector(), {}, {}});
  CHECK(coded == outer::encode(Codec::fp32, difference_of(base, theta)));
}

TEST_CASE("a contribution and its room have one size") {
  Operand base(8, 0.0F), theta(8, 0.0F);
  Staging staging;
  CHECK_THROWS(code(Exec(), Codec::fp32, {base.vector(), theta.vector(), {}, {}}, staging.room(31)));
}

TEST_CASE("a release replaces, is blended with or is put under what was trained") {
  auto const codec = GENERATE(Codec::fp32, Codec::bf16);
  std::size_t const size = 5000;
  Sent sent(codec, random_floats(size, 9, 1.0F));
  auto const released = sent.decoded();
  Operand theta = random_operand(size, 1), base = random_operand(size, 2), snapshot = random_operand(size, 3);
  auto expected = theta.floats(), moved = snapshot.floats();

  SECTION("overwrite") {
    overwrite(Exec(), sent.there(), theta.vector(), base.vector());
    expected = released;
  }
  SECTION("blend") {
    blend(Exec(), sent.there(), 0.3, theta.vector(), base.vector());
    outer::blend(expected, released, 0.3);
  }
  SECTION("rebase on a snapshot") {
    rebase(Exec(), sent.there(), snapshot.vector(), theta.vector(), {}, base.vector());
    outer::rebase(expected, snapshot.floats(), released);
  }
  SECTION("rebase on the base, with the snapshot") {
    auto const before = base.floats();
    rebase(Exec(), sent.there(), base.vector(), theta.vector(), snapshot.vector(), base.vector());
    outer::rebase(expected, before, released);
    outer::rebase(moved, before, released);
  }
  CHECK(bit_equal(theta.floats(), expected));
  CHECK(bit_equal(base.floats(), released));
  CHECK(bit_equal(snapshot.floats(), moved));
}

TEST_CASE("a release of another size, or of differences, is refused") {
  Operand theta(8, 0.0F), base(8, 0.0F);
  Sent small(Codec::fp32, std::vector<float>(7));
  CHECK_THROWS(overwrite(Exec(), small.there(), theta.vector(), base.vector()));
  Sent coded(Codec::int8, std::vector<float>(8));
  CHECK_THROWS(overwrite(Exec(), coded.there(), theta.vector(), base.vector()));
}

TEST_CASE("rooms are used again, for more and for less") {
  Staging staging;
  for (std::size_t const size : {100, 1000, 10}) {
    Sent sent(Codec::fp32, random_floats(size, 5, 1.0F));
    Operand theta(size, 0.0F), base(size, 0.0F);
    staging.come(sent.bytes);
    overwrite(Exec(), {Codec::fp32, staging.arrived(Exec())}, theta.vector(), base.vector());
    staging.read(Exec());
    CHECK(bit_equal(theta.floats(), sent.decoded()));
    CHECK(staging.is_there());
  }
}

TEST_CASE("work goes on beside a device, never beside the host") {
  Operand x(1 << 20, 1.0F);
  int calls = 0;
  for (int i = 0; i < 100; ++i) scale(Exec(), 1.0F, x.vector());
  meanwhile(Exec(), [&] { ++calls; });
  CHECK((!is_host_memory || calls == 0));
  CHECK(bit_equal(x, Operand(1 << 20, 1.0F)));
}
