// A model's tensors in one file or several with an index: whole on the way out and back, or refused.
#include "interop/tensor_folder.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::interop;

namespace {

std::vector<NamedShape> const shapes = {{"a", {4}}, {"b", {2, 3}}, {"c", {1}}};
constexpr std::uint64_t one_file = 1 << 20;
constexpr char const* index_name = "model.safetensors.index.json";

// "a" is 0 0 0 0, "b" is 1 1 1 1 1 1, "c" is 2.
void write(std::filesystem::path const& folder, std::uint64_t max_file_bytes) {
  std::vector<float> values;
  write_tensors(folder, shapes, max_file_bytes, [&](std::size_t i) {
    values.assign(i == 0 ? 4 : i == 1 ? 6 : 1, static_cast<float>(i));
    return std::span<float const>(values);
  });
}

void check_sound(std::filesystem::path const& path) {
  TensorFolder const folder(path);
  REQUIRE(folder.tensors().size() == 3);
  std::vector<float> values(6);
  folder.read(folder.tensors().at("b"), values);
  CHECK(values == std::vector<float>(6, 1.0f));
  values.resize(1);
  folder.read(folder.tensors().at("c"), values);
  CHECK(values == std::vector<float>{2.0f});
}

void check_index_refused(std::string const& index, char const* complaint) {
  test::ScratchFolder const folder;
  write(folder.path(), 20);
  test::put_bytes(folder.path() / index_name, index);
  INFO(index);
  CHECK_THROWS_AS(TensorFolder(folder.path()), base::InputError);
  CHECK_THROWS_WITH(TensorFolder(folder.path()), ContainsSubstring(complaint));
}

}  // namespace

TEST_CASE("a small model is one file") {
  test::ScratchFolder const folder;
  write(folder.path(), one_file);
  CHECK(test::names_in(folder.path()) == std::vector<std::string>{"model.safetensors"});
  check_sound(folder.path());
}

TEST_CASE("a large model is several files and an index") {
  test::ScratchFolder const folder;
  write(folder.path(), 28);  // "b" and "c" fit together
  CHECK(test::names_in(folder.path()) == std::vector<std::string>{"model-00001-of-00002.safetensors",
                                                                  "model-00002-of-00002.safetensors",
                                                                  index_name});
  CHECK(test::bytes_of(folder.path() / index_name).find("\"total_size\": 44") != std::string::npos);
  check_sound(folder.path());
}

TEST_CASE("a tensor larger than a file may be has a file to itself") {
  test::ScratchFolder const folder;
  write(folder.path(), 1);
  CHECK(test::names_in(folder.path()).size() == 4);
  check_sound(folder.path());
}

TEST_CASE("a folder without tensor files is refused") {
  test::ScratchFolder const folder;
  test::put_bytes(folder.path() / "pytorch_model.bin", "");
  CHECK_THROWS_WITH(TensorFolder(folder.path()), ContainsSubstring("holds neither model.safetensors nor"));
}

TEST_CASE("an index that is no map of names to files beside it is refused") {
  check_index_refused("", "no JSON at its byte");
  check_index_refused("[]", "is no JSON object");
  check_index_refused("{}", "has no 'weight_map'");
  check_index_refused(R"({"weight_map": {}})", "has no 'weight_map'");
  check_index_refused(R"({"weight_map": {"a": 1}})", "names no file for 'a'");
  check_index_refused(R"({"weight_map": {"a": "x", "a": "y"}})", "'a' is there twice");
  check_index_refused(R"({"weight_map": {"a": ""}})", "not a file beside it");
  check_index_refused(R"({"weight_map": {"a": ".."}})", "not a file beside it");
  check_index_refused(R"({"weight_map": {"a": "../x.safetensors"}})", "not a file beside it");
  check_index_refused(R"({"weight_map": {"a": "/etc/passwd"}})", "not a file beside it");
  check_index_refused(std::string(100000, '['), "nested too deeply");
}

TEST_CASE("an index that does not agree with the files is refused") {
  auto const files = [](char const* a, char const* b, char const* c) {
    return std::string(R"({"weight_map": {"a": "model-0000)") + a +
           R"(-of-00003.safetensors", "b": "model-0000)" + b + R"(-of-00003.safetensors", "c": "model-0000)" +
           c + R"(-of-00003.safetensors"}})";
  };
  check_index_refused(files("1", "2", "4"), "model-00004-of-00003.safetensors: No such file");
  check_index_refused(files("1", "2", "2"), "does not hold 'c'");
  check_index_refused(files("2", "1", "3"), "does not say that 'a' is in model-00001");
}

TEST_CASE("a tensor that is in two files is refused") {
  test::ScratchFolder const folder;
  write(folder.path(), 20);
  std::filesystem::copy_file(folder.path() / "model-00001-of-00003.safetensors",
                             folder.path() / "model-00003-of-00003.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  CHECK_THROWS_WITH(TensorFolder(folder.path()),
                    ContainsSubstring("does not say that 'a' is in model-00003"));
}
