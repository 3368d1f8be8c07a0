#include "checkpoint/hdf5_file.hpp"

#include <bit>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <memory>
#include <thread>

#include "base/durable_file.hpp"
#include "base/rng.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::checkpoint;
using base::InputError;
using base::RuntimeFailure;
using Names = std::vector<std::string>;

// Under the address sanitizer: HDF5 itself forgets memory where a file is damaged or cannot be closed.
extern "C" char const* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace {

std::vector<float> random_floats(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(base::Philox{7}.uniform(0, i));
  return values;
}

std::vector<std::uint32_t> bits(std::span<float const> values) {
  std::vector<std::uint32_t> result;
  for (float const value : values) result.push_back(std::bit_cast<std::uint32_t>(value));
  return result;
}

// A site in small: one value of each type, and a nested group.
WrittenFile write_sample(std::filesystem::path const& folder) {
  FileWriter writer(folder, "site_0_rank_0.h5");
  auto& root = writer.root();
  root.write("step", std::uint64_t{100});
  root.write("loss", 3.25);
  root.write("deck", std::string_view("[run]\nsteps = 240\n"));
  auto const optimizer = root.group("optimizer");
  optimizer->write("moments", std::vector<float>{1.0f, -2.0f, 4.0f});
  optimizer->group("counters")->write("tokens", std::vector<std::uint64_t>{5, 6});
  return writer.finish();
}

}  // namespace

TEST_CASE("every type is read as it was written") {
  test::ScratchFolder const folder;
  auto constexpr largest = std::numeric_limits<std::uint64_t>::max();
  std::vector<std::uint64_t> const numbers = {0, 1, largest};
  std::string_view const text(
      "fl\xc3\xb8"
      "at\0 and\n zero\0",
      15);

  FileWriter writer(folder.path(), "shard_0.h5");
  writer.root().write("number", largest);
  writer.root().write("tiny", std::numeric_limits<double>::denorm_min());
  writer.root().write("text", text);
  writer.root().write("no text", std::string_view());
  writer.root().write("numbers", numbers);
  writer.root().write("no numbers", std::span<std::uint64_t const>());
  writer.root().write("no floats", std::span<float const>());
  auto const written = writer.finish();

  FileReader const reader(folder.path(), written);
  CHECK(reader.root().read_uint("number") == largest);
  CHECK(reader.root().read_double("tiny") == std::numeric_limits<double>::denorm_min());
  CHECK(reader.root().read_text("text") == text);
  CHECK(reader.root().read_text("no text").empty());
  CHECK(reader.root().read_uints("numbers") == numbers);
  CHECK(reader.root().read_uints("no numbers").empty());
  CHECK_NOTHROW(reader.root().read("no floats", std::span<float>()));
}

TEST_CASE("floats keep every bit, also those of NaN and infinity") {
  test::ScratchFolder const folder;
  std::vector<float> values = {0.0f,
                               -0.0f,
                               INFINITY,
                               -INFINITY,
                               std::bit_cast<float>(0x7fc12345u),
                               std::bit_cast<float>(0x7f800001u),
                               std::numeric_limits<float>::denorm_min()};
  double const payload = std::bit_cast<double>(std::uint64_t{0xfff8dead0000beef});

  FileWriter writer(folder.path(), "shard_0.h5");
  writer.root().write("values", values);
  writer.root().write("payload", payload);
  auto const written = writer.finish();

  FileReader const reader(folder.path(), written);
  std::vector<float> found(values.size());
  reader.root().read("values", found);
  CHECK(bits(found) == bits(values));
  CHECK(std::bit_cast<std::uint64_t>(reader.root().read_double("payload")) == 0xfff8dead0000beef);
}

TEST_CASE("a list of several megabytes is read as it was written") {
  test::ScratchFolder const folder;
  auto const values = random_floats(2'000'003);
  FileWriter writer(folder.path(), "shard_0.h5");
  writer.root().write("parameters", values);
  auto const written = writer.finish();

  std::vector<float> found(values.size());
  FileReader(folder.path(), written).root().read("parameters", found);
  CHECK(found == values);
}

TEST_CASE("groups nest and hold the same names apart") {
  test::ScratchFolder const folder;
  FileWriter writer(folder.path(), "shard_0.h5");
  for (std::uint64_t p = 0; p < 20; ++p) {  // more than HDF5 keeps in a group's header
    auto const fragment = writer.root().group("fragment " + std::to_string(p));
    fragment->write("version", p);
    fragment->group("momentum")->write("version", p + 100);
  }
  auto const written = writer.finish();

  FileReader const reader(folder.path(), written);
  for (std::uint64_t p = 0; p < 20; ++p) {
    auto const fragment = reader.root().group("fragment " + std::to_string(p));
    CHECK(fragment->read_uint("version") == p);
    CHECK(fragment->group("momentum")->read_uint("version") == p + 100);
  }
}

TEST_CASE("the same values give the same bytes whenever they are written") {
  test::ScratchFolder const folder;
  auto const first = write_sample(folder.path());
  auto const bytes = test::bytes_of(folder.path() / first.name);
  // A time stamp, in seconds, would have moved on.
  auto const start = std::time(nullptr);
  while (std::time(nullptr) == start) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  auto const second = write_sample(folder.path());
  CHECK(first == second);
  CHECK((bytes == test::bytes_of(folder.path() / second.name)));  // in brackets: not to be printed
}

TEST_CASE("a file gets its final name only when it is finished") {
  test::ScratchFolder const folder;
  auto writer = std::make_unique<FileWriter>(folder.path(), "shard_0.h5");
  writer->root().write("parameters", random_floats(1000));
  CHECK(test::names_in(folder.path()) == Names{base::temporary_name("shard_0.h5")});

  SECTION("finished") {
    auto const written = writer->finish();
    CHECK(test::names_in(folder.path()) == Names{"shard_0.h5"});
    CHECK(written == describe(folder.path() / "shard_0.h5"));
  }
  SECTION("given up") {
    writer.reset();
    CHECK(test::names_in(folder.path()).empty());
  }
}

TEST_CASE("a group that outlives its file does no harm") {
  test::ScratchFolder const folder;
  FileWriter writer(folder.path(), "shard_0.h5");
  auto const group = writer.root().group("optimizer");
  auto const written = writer.finish();
  CHECK_THROWS_AS(group->write("step", std::uint64_t{1}), RuntimeFailure);
  CHECK_NOTHROW(FileReader(folder.path(), written).root().group("optimizer"));
}

TEST_CASE("a name is written once and is no path") {
  test::ScratchFolder const folder;
  FileWriter writer(folder.path(), "shard_0.h5");
  writer.root().write("step", std::uint64_t{1});
  CHECK_THROWS_WITH(writer.root().write("step", 2.0),
                    ContainsSubstring("shard_0.h5") && ContainsSubstring("/step: written twice"));
  CHECK_THROWS_AS(writer.root().group("step"), RuntimeFailure);
  for (std::string_view const name : {"", ".", "a/b", "/"}) {
    CHECK_THROWS_WITH(writer.root().write(name, 1.0), ContainsSubstring("cannot name a value"));
  }
}

TEST_CASE("a value that is not what the reader needs is named with its file") {
  test::ScratchFolder const folder;
  auto const written = write_sample(folder.path());
  FileReader const reader(folder.path(), written);
  auto const& root = reader.root();
  auto const optimizer = root.group("optimizer");
  std::vector<float> four(4);
  auto const place = (folder.path() / "site_0_rank_0.h5").string() + ":/";

  CHECK_THROWS_AS(root.read_uint("version"), InputError);
  CHECK_THROWS_WITH(root.read_uint("version"), ContainsSubstring(place + "version: is not in this file"));
  CHECK_THROWS_WITH(root.group("sites"), ContainsSubstring(place + "sites: is not in this file"));
  CHECK_THROWS_WITH(optimizer->read_text("beta"),
                    ContainsSubstring(place + "optimizer/beta: is not in this file"));

  CHECK_THROWS_WITH(root.read_uint("loss"),
                    ContainsSubstring(place + "loss: holds a real number instead of a whole number"));
  CHECK_THROWS_WITH(root.read_double("step"),
                    ContainsSubstring("holds a whole number instead of a real number"));
  CHECK_THROWS_WITH(root.read_uints("step"), ContainsSubstring("instead of a list of whole numbers"));
  CHECK_THROWS_WITH(root.read_text("step"), ContainsSubstring("instead of a text"));
  CHECK_THROWS_WITH(root.read("deck", four),
                    ContainsSubstring("holds a text instead of a list of 32-bit floats"));
  CHECK_THROWS_WITH(root.read_uint("optimizer"),
                    ContainsSubstring("holds a group instead of a whole number"));
  CHECK_THROWS_WITH(root.group("step"), ContainsSubstring("holds a value instead of a group"));
  CHECK_THROWS_WITH(optimizer->read("moments", four),
                    ContainsSubstring(place + "optimizer/moments: holds 3 values instead of 4 values"));
}

TEST_CASE("a file that differs from the manifest is not opened") {
  test::ScratchFolder const folder;
  auto const written = write_sample(folder.path());
  auto const file = folder.path() / written.name;
  REQUIRE_NOTHROW(FileReader(folder.path(), written));

  SECTION("one bit, anywhere") {
    for (std::size_t offset = 0; offset < written.bytes; offset += 97) {
      test::flip_bit(file, offset);
      CHECK_THROWS_AS(FileReader(folder.path(), written), InputError);
      test::flip_bit(file, offset);
    }
  }
  SECTION("cut short") {
    std::filesystem::resize_file(file, written.bytes - 1);
    CHECK_THROWS_WITH(FileReader(folder.path(), written), ContainsSubstring("were written"));
  }
  SECTION("missing") {
    std::filesystem::remove(file);
    CHECK_THROWS_WITH(FileReader(folder.path(), written),
                      ContainsSubstring(file.string() + ": the file is missing"));
  }
}

// The manifest is made to agree with the damaged file, so that only the file's own defences are left.
TEST_CASE("a bit flipped in a value is found by the digest of that value") {
  test::ScratchFolder const folder;
  auto const written = write_sample(folder.path());
  auto const file = folder.path() / written.name;
  auto const offset = test::bytes_of(file).find("steps = 240");
  REQUIRE(offset != std::string::npos);
  test::flip_bit(file, offset);

  FileReader const reader(folder.path(), describe(file));
  CHECK(reader.root().read_uint("step") == 100);
  CHECK_THROWS_AS(reader.root().read_text("deck"), InputError);
  CHECK_THROWS_WITH(reader.root().read_text("deck"), ContainsSubstring(":/deck: has digest"));
}

TEST_CASE("no flipped bit changes what is read unnoticed") {
  test::ScratchFolder const folder;
  auto const written = write_sample(folder.path());
  auto const file = folder.path() / written.name;
  auto const is_as_written = [&] {
    FileReader const reader(folder.path(), describe(file));
    auto const& root = reader.root();
    std::vector<float> moments(3);
    root.group("optimizer")->read("moments", moments);
    return root.read_uint("step") == 100 && root.read_double("loss") == 3.25 &&
           root.read_text("deck") == "[run]\nsteps = 240\n" && moments == std::vector{1.0f, -2.0f, 4.0f} &&
           root.group("optimizer")->group("counters")->read_uints("tokens") ==
               std::vector<std::uint64_t>{5, 6};
  };
  REQUIRE(is_as_written());

  int refused = 0;
  for (std::size_t offset = 0; offset < written.bytes; offset += 5) {
    INFO("byte " << offset);
    test::flip_bit(file, offset);
    try {
      bool const same = is_as_written();
      CHECK(same);  // the byte is one of those that HDF5 does not use
    } catch (InputError const&) {
      ++refused;
    }
    test::flip_bit(file, offset);
  }
  CHECK(refused > 100);
}
