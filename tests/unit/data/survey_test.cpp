// Where validation text is split off, and what the tokenizer is trained on.
#include "data/survey.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

class Texts {
 public:
  explicit Texts(std::vector<std::string> const& texts) {
    for (auto const& text : texts) {
      auto const name = std::to_string(files_.size());
      test::write_text(folder_.path() / name, text);
      files_.push_back({folder_.path() / name, name});
    }
  }
  Survey survey(double fraction, std::size_t sample_bytes = 0) const {
    return survey_text(files_, fraction, 1, sample_bytes, [](double) {});
  }

 private:
  test::ScratchFolder folder_;
  std::vector<SourceFile> files_;
};

}  // namespace

TEST_CASE("about the wanted part of the entries is validation text") {
  Split const split{.seed = 1, .threshold = 0.1};
  int chosen = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) chosen += split.is_validation(test::dictionary_entry(i));
  CHECK(chosen > 415);  // 500 expected, four standard deviations of 21
  CHECK(chosen < 585);
}

TEST_CASE("the side of an entry depends on its text and the seed alone") {
  Split const split{.seed = 1, .threshold = 0.5}, same{.seed = 1, .threshold = 0.5},
      other{.seed = 2, .threshold = 0.5};
  int moved = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    auto const entry = test::dictionary_entry(i);
    REQUIRE(split.is_validation(entry) == same.is_validation(entry));
    moved += split.is_validation(entry) != other.is_validation(entry);
  }
  CHECK(moved > 400);
}

TEST_CASE("a larger fraction only adds validation entries") {
  Split const small{.seed = 1, .threshold = 0.1}, large{.seed = 1, .threshold = 0.2};
  for (std::uint64_t i = 0; i < 1000; ++i) {
    auto const entry = test::dictionary_entry(i);
    if (small.is_validation(entry)) REQUIRE(large.is_validation(entry));
  }
}

TEST_CASE("a text too small for its fraction gives one entry to validation") {
  auto const survey = Texts({test::dictionary(5)}).survey(1e-6);
  int chosen = 0;
  for (std::uint64_t i = 0; i < 5; ++i) chosen += survey.split.is_validation(test::dictionary_entry(i));
  CHECK(chosen == 1);
}

TEST_CASE("a text that leaves nothing to train on is refused") {
  REQUIRE_THROWS_AS(Texts({test::dictionary(1)}).survey(0.01), base::InputError);
  REQUIRE_THROWS_AS(Texts({test::dictionary_entry(1) + test::dictionary_entry(1)}).survey(0.01),
                    base::InputError);
  REQUIRE_THROWS_AS(Texts({""}).survey(0.01), base::InputError);
  REQUIRE_THROWS_AS(Texts({test::dictionary(4)}).survey(0.9999), base::InputError);
}

TEST_CASE(
    "the tokenizer's sample is training text of the wanted size, and the same in any order of the files") {
  auto const first = test::dictionary(600);
  std::string second;
  for (std::uint64_t i = 600; i < 1200; ++i) second += test::dictionary_entry(i);
  auto const survey = Texts({first, second}).survey(0.1, 20'000);
  std::size_t bytes = 0;
  for (auto const& entry : survey.sample) {
    CHECK_FALSE(survey.split.is_validation(entry));
    bytes += entry.size();
  }
  CHECK(bytes >= 20'000);
  CHECK(bytes < 21'000);
  CHECK(Texts({second, first}).survey(0.1, 20'000).sample == survey.sample);
  CHECK(std::set<std::string>(survey.sample.begin(), survey.sample.end()).size() == survey.sample.size());
}

TEST_CASE("of an entry larger than the sample only the beginning is taken, and no character is cut") {
  std::string huge = "x";
  for (int i = 0; i < 5000; ++i) huge += "\xC3\xA9";
  auto const survey = Texts({test::dictionary(1) + huge}).survey(1e-9, 1000);
  for (auto entry : survey.sample) {
    CHECK(entry.size() <= 1000);
    CHECK(repair_utf8(entry).count == 0);
  }
}
