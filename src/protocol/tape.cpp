#include "protocol/tape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/tape_fields.hpp"

namespace atl::protocol {

namespace {

constexpr std::size_t max_entry_bytes = std::size_t{1} << 26;
constexpr std::size_t header_bytes = 24;  // length, its complement, digest

base::Digest chained(base::Digest const& last, std::span<std::byte const> entry) {
  Encoder encoder(header_bytes);
  encoder.put(last);
  base::DigestStream stream;
  stream.update(std::move(encoder).take());
  stream.update(entry);
  return stream.value();
}

[[noreturn]] void refuse(std::string const& name, std::size_t at, char const* what) {
  throw base::InputError(fmt::format("{}, byte {}", name, at), what,
                         "restore the file; or move the run's tape folder away, to go on without it");
}

}  // namespace

std::vector<std::byte> encode(TapeEntry const& entry) {
  Encoder encoder(max_entry_bytes);
  encoder.put(entry);
  return std::move(encoder).take();
}

TapeEntry decode_entry(std::span<std::byte const> bytes) {
  Decoder decoder("tape entry", bytes);
  TapeEntry entry;
  decoder.get(entry);
  decoder.end();
  return entry;
}

std::vector<SiteEvent> taped_events(std::span<SiteEvent const> events) {
  std::vector<SiteEvent> taped(events.begin(), events.end());
  for (auto& event : taped) {
    if (auto* held = std::get_if<HeldRelease>(&event)) held->payload = held->payload == 0 ? 0 : 1;
    if (auto* held = std::get_if<HeldState>(&event)) held->payload = 1;
  }
  return taped;
}

base::Digest state_digest(TapedBoundary const& boundary, SiteMachine const& machine) {
  Encoder encoder(max_entry_bytes);
  encoder.put(boundary.step);
  encoder.put(boundary.events);
  encoder.put(machine.step());
  for (int p = 0; p < machine.fragments(); ++p) {
    encoder.put(machine.base(p));
    encoder.put(machine.ledger(p));
  }
  return base::digest_of(std::move(encoder).take());
}

std::vector<std::byte> TapeFramer::frame(TapeEntry const& entry) {
  auto const body = encode(entry);
  last_ = chained(last_, body);
  Encoder header(header_bytes);
  auto const length = static_cast<std::uint32_t>(body.size());
  header.put(length);
  header.put(~length);
  header.put(last_);
  auto bytes = std::move(header).take();
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

TapeContents read_tape(std::span<std::byte const> bytes, std::string const& name) {
  TapeContents contents;
  for (auto rest = bytes; rest.size() >= header_bytes; rest = bytes.subspan(contents.bytes)) {
    Decoder header("tape", rest.first(header_bytes));
    std::uint32_t length = 0, complement = 0;
    base::Digest digest;
    header.get(length);
    header.get(complement);
    header.get(digest);
    if (length != ~complement || length > max_entry_bytes)
      refuse(name, contents.bytes, contents.bytes == 0 ? "is not a tape" : "the tape is damaged here");
    if (length > rest.size() - header_bytes) break;
    auto const body = rest.subspan(header_bytes, length);
    if (chained(contents.last, body) != digest) refuse(name, contents.bytes, "the tape was altered here");
    try {
      contents.entries.push_back(decode_entry(body));
    } catch (base::RuntimeFailure const&) {
      refuse(name, contents.bytes, "an entry that this version of atoll does not know");
    }
    contents.bytes += header_bytes + length;
    contents.last = digest;
  }
  return contents;
}

std::vector<ShardChange> changes_of(TapedLife const& shard) {
  std::vector<ShardChange> changes;
  for (auto const& entry : shard.entries) {
    if (auto const* commit = std::get_if<TapedCommit>(&entry)) changes.emplace_back(*commit);
    if (auto const* taken = std::get_if<TapedTaken>(&entry)) changes.emplace_back(*taken);
  }
  return changes;
}

TapedVersion const& made_by(ShardChange const& change) {
  auto const* commit = std::get_if<TapedCommit>(&change);
  return commit ? commit->made : std::get<TapedTaken>(change).taken;
}

std::map<std::uint64_t, std::vector<TapedLife>> lives_of(std::vector<TapeEntry> entries, Participant who,
                                                         std::string const& name) {
  std::map<std::uint64_t, std::vector<TapedLife>> lives;
  TapedLife* life = nullptr;
  for (auto& entry : entries) {
    if (auto* start = std::get_if<TapedStart>(&entry)) {
      if (start->format != tape_format) refuse(name, 0, "is of another version of atoll");
      if (start->kind != who.kind || start->index != static_cast<std::uint32_t>(who.index))
        refuse(name, 0, "is another process's tape");
      auto& of_one_number = lives[start->life];
      if (!start->heals) of_one_number.clear();
      life = &of_one_number.emplace_back(TapedLife{std::move(*start), {}});
    } else if (life == nullptr) {
      refuse(name, 0, "does not begin with the start of a process");
    } else {
      life->entries.push_back(std::move(entry));
    }
  }
  return lives;
}

namespace {

std::string text(Version const& version) {
  return version.term == 0 ? fmt::format("{}", version.commits)
                           : fmt::format("{}.{}", version.term, version.commits);
}

}  // namespace

std::string describe(TapeEntry const& entry) {
  if (std::holds_alternative<TapedStart>(entry)) return "the start";
  if (auto const* boundary = std::get_if<TapedBoundary>(&entry))
    return boundary->step ? "a step" : "a boundary";
  if (auto const* adopted = std::get_if<TapedBase>(&entry))
    return fmt::format("the base of fragment {}, version {}", adopted->fragment, text(adopted->version));
  if (auto const* written = std::get_if<TapedParameters>(&entry))
    return fmt::format("the parameters after step {}", written->step);
  if (auto const* version = std::get_if<TapedVersion>(&entry))
    return fmt::format("fragment {}, version {}", version->fragment, text(version->version));
  if (auto const* commit = std::get_if<TapedCommit>(&entry))
    return fmt::format("fragment {}, version {}, round {}", commit->made.fragment, text(commit->made.version),
                       commit->round);
  if (auto const* taken = std::get_if<TapedTaken>(&entry))
    return fmt::format("the seat of fragment {}, version {}", taken->taken.fragment,
                       text(taken->taken.version));
  if (auto const* left = std::get_if<TapedRanks>(&entry))
    return fmt::format("the {} ranks that are left", left->ranks);
  auto const& from = std::get<TapedDiscard>(entry).from;
  return fmt::format("a discarded contribution of site {} to fragment {}", from.site,
                     from.contribution.fragment);
}

}  // namespace atl::protocol
