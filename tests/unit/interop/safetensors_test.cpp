// Safetensors files: what is written is read, every dtype exactly, and nothing unsound is taken for sound.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "interop/safetensors_file.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::interop;

namespace {

// A file of this table and so many bytes of data.
std::string file_of(std::string const& table, std::size_t data_bytes) {
  std::uint64_t const length = table.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + table + std::string(data_bytes, '\1');
}

std::vector<StoredTensor> parse(std::string const& file) {
  return parse_safetensors_header("x", std::as_bytes(std::span(file)), file.size());
}

std::string const sound =
    R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}})";

struct Bad {
  std::string table;
  std::size_t data_bytes;
  char const* complaint;
};

std::vector<Bad> const bad_tables = {
    {R"([1])", 0, "a list where none may be"},
    {R"(7)", 0, "7 where none may be"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})", 4, "no JSON at its byte"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}})", 4, "no JSON at its byte"},
    {R"({"a":null})", 0, "null where none may be, at 'a'"},
    {R"({"a":{"dtype":{},"shape":[1],"data_offsets":[0,4]}})", 4, "an object where none may be"},
    {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "a list where none may be"},
    {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "-1 where none may be"},
    {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "a fraction or a huge number"},
    {R"({"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}})", 4, "a truth value"},
    {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "1 where none may be"},
    {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "tensor 'a' needs dtype, shape, data_offsets"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "needs two numbers"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4, "8 where none may be"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"dtype":"F16"}})", 4,
     "'dtype' of tensor 'a' is there twice"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"path":"x"}})", 4,
     "'path' of tensor 'a' means nothing"},
    {R"({"__metadata__":{"format":1}})", 0, "1 where none may be, at 'format'"},
    {R"({"__metadata__":{"format":{}}})", 0, "an object where none may be"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
     8, "'a' is there twice"},
    {R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "unknown dtype 'F31'"},
    {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "4 bytes, which F32 of shape [2]"},
    {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, "too many dimensions"},
    {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4, "too large"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 2, "reaches from byte 0 to 4 of 2"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "begins at byte 4"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8,
     "8 bytes of data, its table speaks of 4"},
    {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
     8, "'b' begins at byte 4, the one before it ends at 8"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
     12, "'b' begins at byte 8, the one before it ends at 4"},
};

}  // namespace

TEST_CASE("a table gives its tensors in the order of their data") {
  auto const tensors = parse(file_of(sound + "   ", 26));
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].name == "a");
  CHECK(tensors[0].shape == Shape{2, 3});
  CHECK(tensors[0].offset == 8 + sound.size() + 3);
  CHECK(tensors[1].dtype == "BF16");
  CHECK(tensors[1].shape.empty());
  CHECK(tensors[1].offset == tensors[0].offset + 24);
  CHECK(tensors[1].bytes == 2);
}

TEST_CASE("a tensor without elements takes no bytes") {
  auto const tensors = parse(file_of(
      R"({"b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}})",
      8));
  CHECK(tensors.front().name == "a");
  CHECK(tensors.front().bytes == 0);
}

TEST_CASE("an unsound table is refused with what is wrong") {
  for (auto const& bad : bad_tables) {
    INFO(bad.table);
    CHECK_THROWS_WITH(parse(file_of(bad.table, bad.data_bytes)), ContainsSubstring(bad.complaint));
    CHECK_THROWS_AS(parse(file_of(bad.table, bad.data_bytes)), base::InputError);
  }
}

TEST_CASE("a file cut short anywhere is refused") {
  auto const file = file_of(sound, 26);
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO("the first " << size << " bytes");
    CHECK_THROWS_AS(parse(file.substr(0, size)), base::InputError);
  }
}

TEST_CASE("a header longer than its file, or than any, is refused before it is read") {
  std::string file = file_of(sound, 26);
  std::uint64_t const huge = std::numeric_limits<std::uint64_t>::max() - 4;
  std::memcpy(file.data(), &huge, sizeof huge);
  CHECK_THROWS_WITH(parse(file), ContainsSubstring("its header should have"));
  std::uint64_t const large = max_safetensors_header_bytes + 1;
  std::memcpy(file.data(), &large, sizeof large);
  CHECK_THROWS_WITH(parse_safetensors_header("x", std::as_bytes(std::span(file)), 1u << 30),
                    ContainsSubstring("more than the format's limit"));
}

TEST_CASE("whatever byte of a header is wrong, what is accepted lies within the file") {
  auto const file = file_of(sound, 26);
  for (std::size_t at = 0; at < file.size() - 26; ++at) {
    for (char const wrong : {'\0', '"', '9', '[', '}', '\xff'}) {
      auto altered = file;
      altered[at] = wrong;
      try {
        for (auto const& tensor : parse(altered)) REQUIRE(tensor.offset + tensor.bytes <= file.size());
      } catch (base::InputError const&) {
      }
    }
  }
}

TEST_CASE("tensors are read as they were written") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "model.safetensors";
  std::vector<NamedShape> const shapes = {{"first", {2, 2}}, {"quoted \"name\"", {3}}};
  std::vector<float> const first = {1.5f, -0.0f, 1e-42f, 3e38f}, second = {1, 2, 3};
  SafetensorsWriter writer(file, shapes);
  writer.append(first);
  CHECK(test::names_in(folder.path()) != std::vector<std::string>{"model.safetensors"});
  writer.append(second);
  writer.finish();
  CHECK(test::names_in(folder.path()) == std::vector<std::string>{"model.safetensors"});

  SafetensorsFile const reader(file);
  REQUIRE(reader.tensors().size() == 2);
  CHECK(reader.tensors()[0].offset % 8 == 0);
  CHECK(reader.tensors()[1].name == "quoted \"name\"");
  std::vector<float> values(4);
  reader.read(reader.tensors()[0], values);
  CHECK(std::memcmp(values.data(), first.data(), 16) == 0);
  values.resize(3);
  reader.read(reader.tensors()[1], values);
  CHECK(values == second);
}

TEST_CASE("a file that was not finished does not appear") {
  test::ScratchFolder const folder;
  {
    SafetensorsWriter writer(folder.path() / "model.safetensors", std::vector<NamedShape>{{"a", {1}}});
    CHECK_THROWS_AS(writer.finish(), base::RuntimeFailure);
  }
  CHECK(test::names_in(folder.path()).empty());
}

TEST_CASE("half precision becomes fp32 exactly") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "half.safetensors";
  std::vector<std::uint16_t> const halves = {0x3C00, 0xC000, 0x0001, 0x83FF, 0x7BFF, 0x7C00, 0x8000};
  std::vector<float> const expected = {1.0f, -2.0f, 0x1p-24f, -0x3FFp-24f, 65504.0f, INFINITY, -0.0f};
  std::vector<std::uint16_t> const brains = {0x3F80, 0xC0A0};
  std::string content = file_of(
      R"({"f":{"dtype":"F16","shape":[7],"data_offsets":[0,14]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[14,18]}})",
      18);
  std::memcpy(content.data() + content.size() - 18, halves.data(), 14);
  std::memcpy(content.data() + content.size() - 4, brains.data(), 4);
  test::put_bytes(file, content);

  SafetensorsFile const reader(file);
  std::vector<float> values(7);
  reader.read(reader.tensors()[0], values);
  CHECK(values == expected);
  CHECK(std::signbit(values[6]));
  values.resize(2);
  reader.read(reader.tensors()[1], values);
  CHECK(values == std::vector<float>{1.0f, -5.0f});
}

TEST_CASE("a half precision tensor longer than a block is read whole") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "long.safetensors";
  std::size_t const count = (std::size_t{1} << 19) + 3;
  auto content = file_of(R"({"a":{"dtype":"BF16","shape":[524291],"data_offsets":[0,1048582]}})", 2 * count);
  std::uint16_t const last = 0x4000;
  std::memcpy(content.data() + content.size() - 2, &last, 2);
  test::put_bytes(file, content);
  SafetensorsFile const reader(file);
  std::vector<float> values(count);
  reader.read(reader.tensors()[0], values);
  CHECK(values[count - 1] == 2.0f);
  CHECK(values[count - 2] == std::bit_cast<float>(0x01010000));
}

TEST_CASE("what cannot be read as fp32 is refused by name") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "a.safetensors";
  test::put_bytes(file, file_of(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8));
  SafetensorsFile const reader(file);
  std::vector<float> values(1);
  CHECK_THROWS_WITH(reader.read(reader.tensors()[0], values), ContainsSubstring("'a' is F64"));
}

TEST_CASE("a file that shrinks, is missing or is a folder is an error with its name") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "a.safetensors";
  test::put_bytes(file, file_of(sound, 26));
  SafetensorsFile const reader(file);
  std::filesystem::resize_file(file, 20);
  std::vector<float> values(6);
  CHECK_THROWS_WITH(reader.read(reader.tensors()[0], values), ContainsSubstring("has become shorter"));
  CHECK_THROWS_AS(SafetensorsFile(folder.path() / "none"), base::InputError);
  CHECK_THROWS_AS(SafetensorsFile(folder.path()), base::InputError);
}
