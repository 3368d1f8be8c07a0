// The stream of training batches: order, sites, ranks, and the cursor.
#include "data/token_stream.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// Counts every allocation of this executable, in any thread. Inlined, GCC 12 takes new and delete for a
// mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept {
  allocations.fetch_add(1);
  return std::malloc(bytes > 0 ? bytes : 1);
}
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using Ids = std::vector<std::int32_t>;

// A file of windows of 8 tokens; a window is known by its first token.
struct Stage {
  test::ScratchFolder folder;
  std::filesystem::path file = folder.path() / "train.bin";
  StreamOptions options;

  explicit Stage(std::uint64_t windows) {
    test::write_counting_tokens(file, windows * 8 + 1);
    options.sources = {whole_file(file)};
    options.context = 8;
    options.batch_sequences = 4;
    options.sequences = 4;
  }
};

Ids windows_of(Batch const& batch) {
  Ids windows;
  for (int b = 0; b < batch.sequences; ++b)
    windows.push_back(batch.tokens[static_cast<std::size_t>(b * batch.context)] / 8);
  return windows;
}

Ids take(TokenStream& stream, int batches) {
  Ids windows;
  for (int i = 0; i < batches; ++i) std::ranges::copy(windows_of(stream.next()), std::back_inserter(windows));
  return windows;
}

Ids sorted(Ids ids) {
  std::ranges::sort(ids);
  return ids;
}

}  // namespace

TEST_CASE("a sequence is a window of the text, and its targets are the tokens that follow") {
  Stage stage(50);
  TokenStream stream(stage.options);
  for (int step = 0; step < 5; ++step) {
    auto const batch = stream.next();
    REQUIRE(batch.sequences == 4);
    REQUIRE(batch.context == 8);
    REQUIRE(batch.tokens.size() == 32);
    for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
      REQUIRE(batch.targets[i] == batch.tokens[i] + 1);
      REQUIRE(batch.tokens[i] % 8 == static_cast<std::int32_t>(i % 8));
    }
  }
}

TEST_CASE("an epoch takes every window once, in another order than the epoch before") {
  Stage stage(37);  // no multiple of the batch: epochs meet within one
  TokenStream stream(stage.options);
  REQUIRE(stream.epoch_sequences() == 37);
  auto const taken = take(stream, 37);  // four epochs
  Ids all(37);
  for (int i = 0; i < 37; ++i) all[static_cast<std::size_t>(i)] = i;
  for (int epoch = 0; epoch < 4; ++epoch) {
    Ids const windows(taken.begin() + 37 * epoch, taken.begin() + 37 * (epoch + 1));
    REQUIRE(sorted(windows) == all);
    REQUIRE(windows != all);
    if (epoch > 0) REQUIRE_FALSE(std::equal(windows.begin(), windows.end(), taken.begin()));
  }
}

TEST_CASE("the order follows from seed and site, and from nothing else") {
  Stage stage(100);
  auto const order = [&](std::uint64_t seed, int site) {
    stage.options.seed = seed;
    stage.options.site = site;
    TokenStream stream(stage.options);
    return take(stream, 20);
  };
  auto const first = order(1, 0);
  CHECK(order(1, 0) == first);
  CHECK(order(2, 0) != first);
  CHECK(order(1, 1) != first);  // another site with a file of its own
}

TEST_CASE("sites that share a file take disjoint parts that together are the whole") {
  Stage stage(50);
  stage.options.sites = 3;
  Ids all;
  for (int site = 0; site < 3; ++site) {
    stage.options.site = site;
    stage.options.batch_sequences = stage.options.sequences = 1;
    TokenStream stream(stage.options);
    auto const epoch = take(stream, static_cast<int>(stream.epoch_sequences()));
    CHECK(epoch.size() == (site < 2 ? 17 : 16));
    for (auto const window : epoch) REQUIRE(window % 3 == site);
    all.insert(all.end(), epoch.begin(), epoch.end());
  }
  CHECK(sorted(all).size() == 50);
  all = sorted(all);
  CHECK(std::unique(all.begin(), all.end()) == all.end());
}

TEST_CASE("the ranks of a site share its batch: together they see what one rank would see") {
  Stage stage(60);
  TokenStream whole(stage.options);
  stage.options.sequences = 3;
  TokenStream first(stage.options);
  stage.options.first_sequence = 3;
  stage.options.sequences = 1;
  TokenStream second(stage.options);
  for (int step = 0; step < 40; ++step) {
    auto together = windows_of(first.next());
    std::ranges::copy(windows_of(second.next()), std::back_inserter(together));
    REQUIRE(together == windows_of(whole.next()));
  }
  CHECK(first.cursor() == whole.cursor());
  CHECK(second.cursor() == whole.cursor());
}

TEST_CASE("the cursor counts the sequences of the site that were taken, not those read ahead") {
  Stage stage(60);
  stage.options.sequences = 1;  // a rank with a quarter of the batch
  TokenStream stream(stage.options);
  CHECK(stream.cursor() == 0);
  for (std::uint64_t step = 1; step <= 10; ++step) {
    stream.next();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // time to read ahead
    REQUIRE(stream.cursor() == 4 * step);
  }
}

TEST_CASE("seeking to a cursor goes on exactly where it was taken") {
  Stage stage(45);
  TokenStream consumed(stage.options);
  auto const whole = take(consumed, 60);
  for (int step : {0, 1, 2, 7, 11, 12, 30, 59}) {  // forward and, from the end, back; across epochs
    TokenStream fresh(stage.options);
    fresh.seek(static_cast<std::uint64_t>(4 * step));
    REQUIRE(fresh.cursor() == static_cast<std::uint64_t>(4 * step));
    consumed.seek(static_cast<std::uint64_t>(4 * step));
    Ids const rest(whole.begin() + 4 * step, whole.end());
    REQUIRE(take(fresh, 60 - step) == rest);
    REQUIRE(take(consumed, 60 - step) == rest);
  }
}

TEST_CASE("a stream that is saved and loaded goes on as if nothing had happened") {
  Stage stage(45);
  TokenStream stream(stage.options);
  take(stream, 13);
  auto const values = test::saved(stream);
  auto const rest = take(stream, 20);

  TokenStream resumed(stage.options);
  resumed.load(test::MemoryReader(values));
  CHECK(resumed.cursor() == 52);
  CHECK(take(resumed, 20) == rest);
}

TEST_CASE("a state that was saved with other text is refused") {
  Stage stage(45), other(46);
  auto const values = test::saved(TokenStream(other.options));
  TokenStream stream(stage.options);
  REQUIRE_THROWS_AS(stream.load(test::MemoryReader(values)), base::InputError);
}

TEST_CASE("taking batches allocates nothing") {
  Stage stage(60);
  TokenStream stream(stage.options);
  take(stream, 10);
  auto const before = allocations.load();
  std::int64_t sum = 0;
  for (int step = 0; step < 500; ++step) sum += stream.next().tokens[0];
  CHECK(allocations.load() == before);
  CHECK(sum > 0);
}

TEST_CASE("a failure of the reading thread reaches the one who trains, after the batches read before it") {
  Stage stage(1000);
  TokenStream stream(stage.options);
  stream.next();
  std::filesystem::resize_file(stage.file, 1100);
  auto const drain = [&] {
    for (int step = 0; step < 50; ++step) stream.next();
  };
  REQUIRE_THROWS_AS(drain(), base::RuntimeFailure);
  REQUIRE_THROWS_WITH(drain(), ContainsSubstring("train.bin"));  // and again, instead of waiting for ever
  CHECK(stream.cursor() < 4 * 50);
}

TEST_CASE("a stream that is not read to its end can be dropped at any time") {
  Stage stage(60);
  for (int batches = 0; batches < 20; ++batches) {
    TokenStream stream(stage.options);
    REQUIRE(take(stream, batches % 7).size() == static_cast<std::size_t>(4 * (batches % 7)));
  }
}

TEST_CASE("a file too small for its sites is refused with a remedy") {
  Stage stage(2);
  stage.options.sites = 3;
  REQUIRE_THROWS_AS(TokenStream(stage.options), base::InputError);
  REQUIRE_THROWS_WITH(TokenStream(stage.options),
                      ContainsSubstring("train.bin") && ContainsSubstring("17 tokens") &&
                          ContainsSubstring("3 sites") && ContainsSubstring("model.context"));
  stage.options.sites = 2;
  CHECK_NOTHROW(TokenStream(stage.options));
}

TEST_CASE("a part of a file is all that is read of it") {
  Stage stage(50);
  auto& range = stage.options.sources[0].range;
  range.first = 80;
  range.tokens = 20 * 8 + 1;
  TokenStream stream(stage.options);
  REQUIRE(stream.epoch_sequences() == 20);
  auto const epoch = sorted(take(stream, 5));
  for (int i = 0; i < 20; ++i) REQUIRE(epoch[static_cast<std::size_t>(i)] == 10 + i);
}

TEST_CASE("several sources take turns in their shares, each in the order and the epochs of its own") {
  Stage stage(50);
  auto const other = stage.folder.path() / "other.bin";
  test::write_counting_tokens(other, 8000 + 9 * 8 + 1);
  auto a = whole_file(stage.file), b = whole_file(other);
  b.range.first = 8000;  // windows 1000 .. 1008
  b.range.tokens = 9 * 8 + 1;
  auto const alone = [&](WeightedRange const& source) {
    stage.options.sources = {source};
    TokenStream stream(stage.options);
    return take(stream, 50);
  };
  auto const only_a = alone(a);
  a.weight = 0.7;
  b.weight = 0.3;
  stage.options.sources = {a, b};
  TokenStream stream(stage.options);
  CHECK(stream.epoch_sequences() == 59);
  auto const mixed = take(stream, 50);

  Ids from_a, from_b;
  for (std::size_t n = 0; n < mixed.size(); ++n) {
    (mixed[n] < 1000 ? from_a : from_b).push_back(mixed[n]);
    REQUIRE(std::abs(static_cast<double>(from_b.size()) - 0.3 * static_cast<double>(n + 1)) < 1.0);
  }
  REQUIRE(from_b.size() == 60);
  CHECK(std::equal(from_a.begin(), from_a.end(), only_a.begin()));
  for (std::size_t epoch = 0; epoch < 6; ++epoch) {
    auto const begin = from_b.begin() + static_cast<std::ptrdiff_t>(9 * epoch);
    auto const windows = sorted({begin, begin + 9});
    for (int i = 0; i < 9; ++i) REQUIRE(windows[static_cast<std::size_t>(i)] == 1000 + i);
  }

  for (int step : {0, 3, 7, 24, 49}) {
    stream.seek(static_cast<std::uint64_t>(4 * step));
    REQUIRE(take(stream, 50 - step) == Ids(mixed.begin() + 4 * step, mixed.end()));
  }
}

TEST_CASE("a state that was saved with other shares or another part of the text is refused") {
  Stage stage(45);
  auto second = whole_file(stage.file);
  stage.options.sources.push_back(second);
  auto const values = test::saved(TokenStream(stage.options));
  CHECK_NOTHROW(TokenStream(stage.options).load(test::MemoryReader(values)));
  SECTION("shares") { stage.options.sources[1].weight = 2.0; }
  SECTION("a part") { stage.options.sources[1].range.tokens -= 8; }
  SECTION("fewer sources") { stage.options.sources.pop_back(); }
  TokenStream stream(stage.options);
  REQUIRE_THROWS_AS(stream.load(test::MemoryReader(values)), base::InputError);
}
