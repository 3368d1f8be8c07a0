// Preparing a dataset: what it holds, that it is the same every time, and that nothing is overwritten.
#include "data/prepare.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "base/error.hpp"
#include "data/token_file.hpp"
#include "data/tokenizer.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;
namespace fs = std::filesystem;

namespace {

struct Workshop {
  test::ScratchFolder folder;
  fs::path text = folder.path() / "text.txt", out = folder.path() / "out";
  PrepareOptions options;

  explicit Workshop(std::string const& content = test::dictionary(600)) {
    test::write_text(text, content);
    options.sources = {text.string()};
    options.out = out;
    options.vocab = 400;
    options.validation_fraction = 0.1;
  }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> contents;
    for (auto const& entry : fs::directory_iterator(out)) {
      contents[entry.path().filename().string()] = test::read_file(entry.path());
    }
    return contents;
  }
};

std::vector<Token> tokens_of(fs::path const& path) {
  TokenFile const file(path);
  std::vector<Token> tokens(file.size());
  file.read(0, tokens);
  return tokens;
}

// The entries of a token file, each from one beginning-of-entry token to the next.
std::vector<std::string> entries_of(Dataset const& dataset, fs::path const& path) {
  auto const tokenizer = load_tokenizer(dataset.tokenizer());
  std::vector<std::vector<Token>> parts;
  for (auto const token : tokens_of(path)) {
    if (token == tokenizer->bos_id()) parts.emplace_back();
    parts.at(parts.size() - 1).push_back(token);
  }
  std::vector<std::string> entries;
  for (auto const& part : parts) entries.push_back(tokenizer->decode(part));
  return entries;
}

// Sends stdout and stderr of the process, by whatever means they are written, to a file while it lives.
class Capture {
 public:
  explicit Capture(fs::path const& file) : out_(::dup(1)), err_(::dup(2)) {
    int const target = ::open(file.c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(target, 1);
    ::dup2(target, 2);
    ::close(target);
  }
  ~Capture() {
    ::dup2(out_, 1);
    ::dup2(err_, 2);
    ::close(out_);
    ::close(err_);
  }
  Capture(Capture const&) = delete;
  Capture& operator=(Capture const&) = delete;

 private:
  int out_, err_;
};

}  // namespace

TEST_CASE(
    "every entry of the text is in one of the two files, in order, after its beginning-of-entry token") {
  Workshop shop;
  shop.options.byte_level = GENERATE(false, true);
  auto const dataset = prepare(shop.options).dataset;
  auto const train = entries_of(dataset, dataset.train_file()),
             validation = entries_of(dataset, dataset.validation_file());
  CHECK(dataset.train.entries == train.size());
  CHECK(dataset.validation.entries == validation.size());
  REQUIRE(train.size() + validation.size() == 600);

  std::set<std::string> const chosen(validation.begin(), validation.end());
  std::size_t next_train = 0, next_validation = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    auto const entry = test::dictionary_entry(i);
    REQUIRE((chosen.contains(entry) ? validation.at(next_validation++) : train.at(next_train++)) == entry);
  }
}

TEST_CASE("the record counts text and tokens, for bits per byte") {
  Workshop shop;
  auto const dataset = prepare(shop.options).dataset;
  auto const text_bytes = test::dictionary(600).size();
  CHECK(dataset.train.bytes + dataset.validation.bytes == text_bytes);
  CHECK(dataset.recipe.sources.front().text_bytes == text_bytes);
  CHECK(dataset.validation.tokens == TokenFile(dataset.validation_file()).size());
  std::size_t validation_bytes = 0;
  for (auto const& entry : entries_of(dataset, dataset.validation_file())) validation_bytes += entry.size();
  CHECK(dataset.bytes_per_validation_token() ==
        static_cast<double>(validation_bytes) / static_cast<double>(dataset.validation.tokens));
}

TEST_CASE("the same text and options give the same bytes, wherever they lie") {
  Workshop one, two;
  prepare(one.options);
  prepare(two.options);
  CHECK(one.files().size() == 4);
  CHECK(one.files() == two.files());

  two.options.force = true;
  two.options.seed = 2;
  prepare(two.options);
  CHECK(one.files().at("train.bin") != two.files().at("train.bin"));
}

TEST_CASE("a compressed text gives the same tokens as the plain one") {
  Workshop plain, compressed;
  compressed.text += ".gz";
  test::write_compressed(compressed.text, test::dictionary(600));
  compressed.options.sources = {compressed.text.string()};
  CHECK(prepare(plain.options).dataset.train.digest == prepare(compressed.options).dataset.train.digest);
}

TEST_CASE("bytes need no tokenizer file") {
  Workshop shop;
  shop.options.byte_level = true;
  auto const dataset = prepare(shop.options).dataset;
  CHECK(dataset.vocab() == 257);
  CHECK(dataset.tokenizer() == "bytes");
  CHECK(shop.files().size() == 3);
  CHECK(dataset.train.tokens == dataset.train.bytes + dataset.train.entries);
}

TEST_CASE("entries are encoded in the order of the text, although several are encoded at once") {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += std::to_string(i) + std::string(100'000, '.') + "\n\n";  // several blocks
  Workshop shop(text);
  shop.options.byte_level = true;
  auto const dataset = prepare(shop.options).dataset;
  int before = -1;
  for (auto const& entry : entries_of(dataset, dataset.train_file())) {
    REQUIRE(std::stoi(entry) > before);
    before = std::stoi(entry);
  }
}

TEST_CASE("invalid UTF-8 is replaced and recorded by file") {
  Workshop shop(test::dictionary(300) + "caf\xE9\n   \xE8\n\n");
  auto const second = shop.folder.path() / "second.txt";
  std::string clean;
  for (std::uint64_t i = 300; i < 600; ++i) clean += test::dictionary_entry(i);
  test::write_text(second, clean);
  shop.options.sources.push_back(second.string());
  auto const dataset = prepare(shop.options).dataset;
  REQUIRE(dataset.recipe.sources.size() == 2);
  CHECK(dataset.recipe.sources[0].replaced.count == 2);
  CHECK(dataset.recipe.sources[0].replaced.first_offset == test::dictionary(300).size() + 3);
  CHECK(dataset.recipe.sources[1].replaced.count == 0);
}

TEST_CASE("preparing again what is there does nothing") {
  Workshop shop;
  CHECK_FALSE(prepare(shop.options).up_to_date);
  auto const before = fs::last_write_time(shop.out / "train.bin");
  auto const again = prepare(shop.options);
  CHECK(again.up_to_date);
  CHECK(again.dataset.train.tokens == TokenFile(shop.out / "train.bin").size());
  CHECK(fs::last_write_time(shop.out / "train.bin") == before);
}

TEST_CASE("a dataset made otherwise is not overwritten without force") {
  Workshop shop;
  prepare(shop.options);
  auto const before = shop.files();
  auto change = shop.options;
  std::string reason;
  SECTION("vocabulary") {
    change.vocab = 420;
    reason = "vocab 400 and 420";
  }
  SECTION("seed") {
    change.seed = 9;
    reason = "seed 1 and 9";
  }
  SECTION("fraction") {
    change.validation_fraction = 0.2;
    reason = "validation fraction 0.1 and 0.2";
  }
  SECTION("tokenizer") {
    change.byte_level = true;
    reason = "tokenizer SentencePiece and bytes";
  }
  SECTION("text") {
    test::write_text(shop.text, test::dictionary(601));
    reason = "the content of text.txt";
  }
  REQUIRE_THROWS_AS(prepare(change), base::InputError);
  REQUIRE_THROWS_WITH(prepare(change), ContainsSubstring(reason) && ContainsSubstring("--force"));
  CHECK(shop.files() == before);

  change.force = true;
  CHECK_FALSE(prepare(change).up_to_date);
  CHECK(shop.files() != before);
}

TEST_CASE("files of others in the folder are not overwritten without force") {
  Workshop shop;
  test::write_text(shop.out / "train.bin", "somebody's own");
  REQUIRE_THROWS_WITH(prepare(shop.options), ContainsSubstring("train.bin") && ContainsSubstring("--force"));
  CHECK(test::read_file(shop.out / "train.bin") == "somebody's own");
}

TEST_CASE("a dataset that fails to be replaced is still there") {
  Workshop shop;
  prepare(shop.options);
  auto const before = shop.files();
  shop.options.force = true;
  shop.options.vocab = 50'000;  // more than the text can fill
  REQUIRE_THROWS_AS(prepare(shop.options), base::InputError);
  CHECK(shop.files() == before);
}

TEST_CASE("two preparations of one folder do not mix") {
  Workshop shop;
  shop.options.progress = [&](std::string_view, double) {
    auto second = shop.options;
    second.progress = nullptr;
    REQUIRE_THROWS_WITH(prepare(second), ContainsSubstring("another `atoll data prepare` is at work"));
  };
  CHECK_NOTHROW(prepare(shop.options));
}

TEST_CASE("what a killed preparation left is removed by the next, and nothing else is") {
  Workshop const shop;
  auto const dead = ::fork();
  if (dead == 0) ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  auto const mark = fmt::format(".tmp-{}", dead);
  auto const kept = {"train.bin.tmp-1", "train.bin.tmp-", "train.bin.tmp-x", "notes.tmp-2"};  // 1 is alive
  for (auto const* name : kept) test::write_text(shop.out / name, "kept");
  for (auto const* name : {"train.bin", "tokenizer.model"})
    test::write_text(shop.out / (name + mark), "left");
  prepare(shop.options);
  CHECK(shop.files().size() == 4 + kept.size());
  for (auto const* name : kept) CHECK(fs::exists(shop.out / name));
}

TEST_CASE("all impossible options are named at once") {
  Workshop shop;
  shop.options.vocab = 70'000;
  shop.options.validation_fraction = 1.0;
  shop.options.sources = {shop.folder.path().string()};  // `out` lies in it
  try {
    prepare(shop.options);
    FAIL("nothing was refused");
  } catch (base::InputError const& error) {
    REQUIRE(error.problems().size() == 3);
    CHECK(error.problems()[0].where == "--vocab");
    CHECK(error.problems()[1].where == "--validation-fraction");
    CHECK(error.problems()[2].where == "--out");
  }
  CHECK_FALSE(fs::exists(shop.out));
}

TEST_CASE("a folder that cannot be made is refused") {
  Workshop shop;
  shop.options.out = shop.text / "below a file";
  REQUIRE_THROWS_AS(prepare(shop.options), base::InputError);
}

TEST_CASE("preparing prints nothing: progress is for the caller to show") {
  Workshop shop;
  std::vector<std::string> stages;
  double last = 0.0;
  shop.options.progress = [&](std::string_view stage, double fraction) {
    if (stages.empty() || stages.back() != stage) stages.emplace_back(stage);
    last = fraction;
  };
  {
    Capture const capture(shop.folder.path() / "printed");
    prepare(shop.options);
  }
  CHECK(test::read_file(shop.folder.path() / "printed").empty());
  CHECK(stages == std::vector<std::string>{"reading", "training the tokenizer", "encoding"});
  CHECK(last == 1.0);
}
