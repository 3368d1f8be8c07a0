#include "data/survey.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <queue>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"

namespace atl::data {

namespace {

// `entry`, or as much of its beginning as `bytes` hold without cutting a character.
std::string beginning(std::string_view entry, std::size_t bytes) {
  if (entry.size() > bytes) {
    while (bytes > 0 && (static_cast<unsigned char>(entry[bytes]) & 0xC0) == 0x80) --bytes;
  }
  return std::string(entry.substr(0, bytes));
}

// The entries with the lowest draws, as few as together fill `bytes`: the same ones in whatever order they
// come.
class Sample {
 public:
  explicit Sample(std::size_t bytes) : wanted_(bytes) {}

  void offer(double draw, std::string_view entry) {
    if (bytes_ >= wanted_ && (kept_.empty() || draw > kept_.top().draw)) return;
    Drawn fresh{draw, beginning(entry, wanted_)};
    bytes_ += fresh.entry.size();
    kept_.push(std::move(fresh));
    while (bytes_ - kept_.top().entry.size() >= wanted_) {
      bytes_ -= kept_.top().entry.size();
      kept_.pop();
    }
  }

  // Those with draws from `lowest` on, by falling draw.
  std::vector<std::string> take(double lowest) {
    std::vector<std::string> entries;
    for (; !kept_.empty() && kept_.top().draw >= lowest; kept_.pop()) entries.push_back(kept_.top().entry);
    return entries;
  }

 private:
  struct Drawn {
    double draw;
    std::string entry;
    auto operator<=>(Drawn const&) const = default;
  };

  std::size_t wanted_, bytes_ = 0;
  std::priority_queue<Drawn> kept_;  // the highest draw on top
};

}  // namespace

double Split::draw(std::string_view entry) const {
  auto const digest = base::digest_of(entry);
  return base::Philox{seed}.uniform(digest.high, digest.low);
}

Survey survey_text(std::vector<SourceFile> const& files, double validation_fraction, std::uint64_t seed,
                   std::size_t sample_bytes, std::function<void(double)> const& progress) {
  std::uint64_t stored_bytes = 1, stored_bytes_read = 0;
  for (auto const& file : files) stored_bytes += std::filesystem::file_size(file.path);

  Survey survey{.sources = {}, .split = {seed, validation_fraction}, .sample = {}};
  Sample sample(sample_bytes);
  double lowest = std::numeric_limits<double>::infinity(), highest = 0.0;
  std::string entry;
  for (auto const& file : files) {
    EntryReader reader(file.path);
    std::uint64_t entries = 0;
    while (reader.next(entry)) {
      double const draw = survey.split.draw(entry);
      lowest = std::min(lowest, draw);
      highest = std::max(highest, draw);
      if (draw >= validation_fraction) sample.offer(draw, entry);
      if (++entries % 1024 == 0) {
        progress(static_cast<double>(stored_bytes_read + reader.stored_bytes()) /
                 static_cast<double>(stored_bytes));
      }
    }
    stored_bytes_read += reader.stored_bytes();
    survey.sources.push_back(
        {.name = file.name, .digest = {}, .text_bytes = reader.text_bytes(), .replaced = reader.replaced()});
  }

  survey.split.threshold = std::max(validation_fraction, std::nextafter(lowest, 2.0));
  if (highest < survey.split.threshold) {
    throw base::InputError(
        files.front().path.string(), "leaves nothing to train on: all of its entries are validation",
        "give more text (entries begin in the first column after a blank line), or a smaller "
        "validation fraction");
  }
  survey.sample = sample.take(survey.split.threshold);
  progress(1.0);
  return survey;
}

}  // namespace atl::data
