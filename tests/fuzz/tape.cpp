// A tape as it lies in a file, and what is done with one that is read: lives, machines that run on it, books.
// Its digests are made right first, or nothing behind them would be read.
#include <algorithm>
#include <cstring>
#include <vector>

#include "protocol/auditor.hpp"
#include "target.hpp"

namespace {

namespace protocol = atl::protocol;

// The frames again, with the digests that their bytes should have.
std::vector<std::byte> mended(atl::fuzz::Bytes input) {
  constexpr std::size_t header_bytes = 24, digest_at = 8, digest_bytes = 16;
  std::vector<std::byte> tape;
  std::vector<std::byte> last(digest_bytes);
  while (input.size() >= header_bytes) {
    std::uint32_t length = 0;
    std::memcpy(&length, input.data(), sizeof length);
    length = static_cast<std::uint32_t>(std::min<std::size_t>(length, input.size() - header_bytes));
    auto const body = input.subspan(header_bytes, length);
    auto chained = last;
    chained.insert(chained.end(), body.begin(), body.end());
    auto const digest = atl::base::digest_of(std::span<std::byte const>(chained));
    std::uint32_t const complement = ~length;
    std::vector<std::byte> header(header_bytes);
    std::memcpy(header.data(), &length, sizeof length);
    std::memcpy(header.data() + sizeof length, &complement, sizeof complement);
    std::memcpy(header.data() + digest_at, &digest.high, sizeof digest.high);
    std::memcpy(header.data() + digest_at + sizeof digest.high, &digest.low, sizeof digest.low);
    std::copy(header.begin() + digest_at, header.end(), last.begin());
    tape.insert(tape.end(), header.begin(), header.end());
    tape.insert(tape.end(), body.begin(), body.end());
    input = input.subspan(header_bytes + length);
  }
  return tape;
}

}  // namespace

void feed(atl::fuzz::Bytes input) {
  using Kind = protocol::Participant::Kind;
  auto const bytes = mended(input);
  auto const tape = protocol::read_tape(bytes, "tape");
  protocol::TapeFramer framer;
  std::vector<std::byte> again;
  for (auto const& entry : tape.entries) {
    protocol::describe(entry);
    auto const frame = framer.frame(entry);
    again.insert(again.end(), frame.begin(), frame.end());
  }
  atl::fuzz::require(std::ranges::equal(again, std::span(bytes).first(tape.bytes)));

  for (auto const kind : {Kind::site, Kind::shard}) {
    try {
      protocol::Auditor auditor(0.5);
      for (auto& [number, lives] : protocol::lives_of(tape.entries, {kind, 0}, "tape")) {
        std::vector<protocol::SiteStory> sites;
        std::vector<protocol::TapedLife> shards;
        for (auto& life : lives) {
          if (kind == Kind::shard) {
            shards.push_back(std::move(life));
          } else {
            sites.push_back(protocol::follow(std::move(life), {.fragments = 2}));
          }
        }
        protocol::reach_of(sites, shards);
        auditor.audit(sites, shards);
      }
    } catch (atl::base::InputError const&) {  // of the other kind
    }
  }
}
