#include "train/tape_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "base/clock.hpp"
#include "base/cpu_features.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/site_layout.hpp"
#include "deck/deck.hpp"
#include "train/machine_options.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

namespace {

constexpr double longest_wait_s = 1.0;
constexpr std::size_t most_buffered_bytes = std::size_t{1} << 18;

protocol::TapeContents contents_of(base::OpenFile const& file) {
  std::vector<std::byte> bytes;
  file.read_all(
      [&](std::span<std::byte const> block) { bytes.insert(bytes.end(), block.begin(), block.end()); });
  return protocol::read_tape(bytes, file.path().string());
}

using Lives = std::map<std::uint64_t, std::vector<protocol::TapedLife>>;  // by number of the run's life

Lives lives_in(RunFolder const& folder, protocol::Participant who) {
  auto const path = folder.tape(who);
  if (!std::filesystem::exists(path)) return {};
  return protocol::lives_of(contents_of({path, O_RDONLY}).entries, who, path.string());
}

// The lives of one process; where its tape has none, it did not come to write it.
std::vector<protocol::TapedLife> take(Lives& lives, LifeOfRun const& life, protocol::Participant who) {
  if (auto found = lives.extract(life.number)) return std::move(found.mapped());
  protocol::TapedLife none;
  none.start.life = life.number;
  none.start.kind = who.kind;
  none.start.index = static_cast<std::uint32_t>(who.index);
  none.start.incarnation = 1;
  return {none};
}

}  // namespace

TapeFile::TapeFile(std::filesystem::path const& path)
    : file_(path, O_RDWR | O_CREAT), flushed_s_(base::now_s()) {
  auto const contents = contents_of(file_);
  end_ = contents.bytes;
  framer_ = protocol::TapeFramer(contents.last);
  if (::ftruncate(file_.number(), static_cast<off_t>(end_)) != 0)
    throw base::RuntimeFailure(fmt::format("{}: its torn end cannot be cut", path.string()));
}

TapeFile::~TapeFile() { flush(); }

void TapeFile::put(protocol::TapeEntry const& entry) {
  if (is_broken_) return;
  auto const frame = framer_.frame(entry);
  buffer_.insert(buffer_.end(), frame.begin(), frame.end());
  if (buffer_.size() > most_buffered_bytes || base::now_s() - flushed_s_ > longest_wait_s) flush();
}

void TapeFile::flush() {
  flushed_s_ = base::now_s();
  if (is_broken_ || buffer_.empty()) return;
  try {
    file_.write(end_, buffer_);
    end_ += buffer_.size();
    buffer_.clear();
  } catch (base::RuntimeFailure const& failure) {
    is_broken_ = true;
    base::log::warn(
        fmt::format("the tape ends here, and this life cannot be replayed to its end: {}", failure.what()));
  }
}

std::uint64_t next_life(RunFolder const& folder) {
  auto const lives = lives_in(folder, {protocol::Participant::Kind::shard, 0});
  return lives.empty() ? 1 : lives.rbegin()->first + 1;
}

std::vector<LifeOfRun> read_tapes(RunFolder const& folder) {
  using Kind = protocol::Participant::Kind;
  auto first = lives_in(folder, {Kind::shard, 0});
  if (first.empty()) {
    throw base::InputError(folder.root.string(), "has no tape",
                           "give the folder of a run that was made with run.deterministic");
  }
  std::vector<LifeOfRun> run;
  std::map<protocol::Participant, Lives> tapes;
  auto const lives_of = [&](protocol::Participant who) -> auto& {
    if (!tapes.contains(who)) tapes[who] = lives_in(folder, who);
    return tapes[who];
  };
  for (auto const& [number, told] : first) {
    LifeOfRun all{.number = number,
                  .config = deck::parse(told.front().start.deck, folder.tape({Kind::shard, 0}).string(), {}),
                  .sites = {},
                  .shards = {},
                  .before = {}};
    for (int shard = 0; shard < all.config.syncer.ranks; ++shard)
      all.shards.push_back(take(lives_of({Kind::shard, shard}), all, {Kind::shard, shard}).front());
    for (int site = 0; site < effective_sites(all.config); ++site) {
      for (auto& each : take(lives_of({Kind::site, site}), all, {Kind::site, site}))
        all.sites.push_back(follow(std::move(each), site_options(all.config, site)));
    }
    run.push_back(std::move(all));
  }
  return run;
}

protocol::TapedStart taped_start(std::uint64_t life, deck::RunConfig const& config,
                                 std::optional<std::uint64_t> set) {
  base::DigestStream program;
  base::OpenFile("/proc/self/exe", O_RDONLY).read_all([&](auto block) { program.update(block); });
  char const* const threads = std::getenv("OMP_NUM_THREADS");
  protocol::TapedStart start;
  start.life = life;
  start.deck = deck::echo(config);
  start.program = program.value();
  start.machine = fmt::format("{}; threads: {}", base::cpu_features(), threads == nullptr ? "all" : threads);
  start.set = set;
  return start;
}

}  // namespace atl::train
