#include "sim/words.hpp"

#include <fmt/format.h>

#include <type_traits>

namespace atl::sim {

using namespace protocol;

namespace {

std::string text(Version const& version) { return fmt::format("v{}.{}", version.term, version.commits); }

std::string text(Fate const& fate) {
  if (fate.outcome == Outcome::none) return "";
  auto const reason = fate.reason == Reason::none ? "" : fmt::format(" ({})", name(fate.reason));
  return fmt::format(", {} was {}{}", fate.round, name(fate.outcome), reason);
}

std::string text(Progress const& progress) {
  std::string words = fmt::format(" of life {}, step {}{}", progress.incarnation, progress.step,
                                  progress.leaving   ? ", leaving"
                                  : progress.holding ? ", holding"
                                                     : "");
  for (auto const& copy : progress.fragments) {
    words += fmt::format("; {}: {} unsent {}{}, done {}", copy.fragment, text(copy.base), copy.unsent.steps,
                         copy.pending > 0 ? " pending" : "", copy.round);
  }
  return words;
}

std::string text(Contribution const& sent) {
  return fmt::format(" of fragment {} to round {}: life {}, base {}, step {}, {} steps, {} tokens",
                     sent.fragment, sent.round, sent.incarnation, text(sent.base), sent.step, sent.work.steps,
                     sent.work.tokens);
}

std::string text(Release const& release) {
  return fmt::format(" of fragment {} {}, made by round {}{}", release.fragment, text(release.version),
                     release.round, text(release.fate));
}

// What a message says beside its kind; nothing of those that say nothing more.
template <class M>
std::string content(M const& message) {
  using std::is_same_v;
  if constexpr (is_same_v<M, Hello>) return fmt::format(" of life {}", message.incarnation);
  if constexpr (is_same_v<M, Progress> || is_same_v<M, Contribution> || is_same_v<M, Release>)
    return text(message);
  if constexpr (is_same_v<M, Pull>)
    return fmt::format(" of fragment {} for round {}{}", message.fragment, message.round, text(message.fate));
  if constexpr (is_same_v<M, Cancel>)
    return fmt::format(" of fragment {}, round {}", message.fragment, message.round);
  if constexpr (is_same_v<M, FateNotice>)
    return fmt::format(" of fragment {}{}", message.fragment, text(message.fate));
  if constexpr (is_same_v<M, Replica> || is_same_v<M, ReplicaAck>)
    return fmt::format(" of fragment {} {}", message.fragment, text(message.version));
  if constexpr (is_same_v<M, Seat>)
    return fmt::format(" {} is {}shard {}'s, term {}", message.seat, message.claims ? "to be " : "",
                       message.owner, message.term);
  if constexpr (is_same_v<M, PromiseRequest>)
    return fmt::format(" of seat {}, term {}, to shard {}", message.seat, message.term, message.shard);
  if constexpr (is_same_v<M, Promise>)
    return fmt::format(" of life {}: seat {}, term {}, to shard {}{}", message.incarnation, message.seat,
                       message.term, message.shard, message.claims ? ", claimed" : "");
  if constexpr (is_same_v<M, StateData>) return fmt::format(" at step {}", message.step);
  if constexpr (is_same_v<M, Hold>) return fmt::format(" {}", message.id);
  if constexpr (is_same_v<M, Held>)
    return fmt::format(" {}{}", message.id, message.taken_back ? ", taken back" : "");
  if constexpr (is_same_v<M, Saved>) return message.failure.empty() ? "" : ": " + message.failure;
  if constexpr (is_same_v<M, Go>) return message.leave ? ", leave" : ", train on";
  return "";
}

char const* name(AdoptRule rule) {
  switch (rule) {
    case AdoptRule::overwrite:
      return "overwrite";
    case AdoptRule::blend:
      return "blend";
    case AdoptRule::rebase_on_snapshot:
      return "rebase on the snapshot";
    case AdoptRule::rebase_on_base:
      break;
  }
  return "rebase on the base";
}

}  // namespace

std::string describe(Message const& message) {
  return kind_name(message.index()) +
         std::visit([](auto const& content_of) { return content(content_of); }, message);
}

std::string describe(SiteAction const& action) {
  if (auto const* adopt = std::get_if<Adopt>(&action))
    return fmt::format("adopts fragment {} {}: {}", adopt->fragment, text(adopt->version), name(adopt->rule));
  if (std::holds_alternative<Discard>(action)) return "discards a release";
  if (auto const* settled = std::get_if<Settled>(&action))
    return fmt::format("knows the fate of fragment {}{}", settled->fragment,
                       settled->advanced ? ": it counts" : "");
  if (auto const* sent = std::get_if<Contribute>(&action))
    return "contributes" + describe(sent->contribution).substr(12);
  if (auto const* progress = std::get_if<SendProgress>(&action)) return "reports" + text(progress->progress);
  if (auto const* held = std::get_if<SendHeld>(&action)) return fmt::format("is at rest ({})", held->held.id);
  if (auto const* state = std::get_if<WriteState>(&action)) return fmt::format("saves ({})", state->save.id);
  if (std::holds_alternative<Leave>(action)) return "leaves";
  if (auto const* told = std::get_if<TellShards>(&action))
    return "tells all shards: " + describe(told->message);
  if (auto const* send = std::get_if<SendToSite>(&action))
    return fmt::format("sends site {}: {}", send->site, describe(send->message));
  if (auto const* give = std::get_if<GiveState>(&action))
    return fmt::format("gives site {} its state at step {}", give->site, give->state.step);
  return std::holds_alternative<TakeState>(action) ? "takes a donor's state" : "records its state";
}

std::string describe(SyncerAction const& action) {
  if (auto const* send = std::get_if<SendToSite>(&action))
    return fmt::format("sends site {}: {}", send->site, describe(send->message));
  if (auto const* release = std::get_if<SendRelease>(&action))
    return fmt::format("sends site {}: {}", release->site, describe(release->release));
  if (auto const* commit = std::get_if<Commit>(&action)) {
    auto words = fmt::format("commits fragment {} {} by round {}:", commit->fragment, text(commit->version),
                             commit->round);
    for (auto const& member : commit->members)
      words += fmt::format(" site {} ({} steps{}{})", member.site, member.contribution.work.steps,
                           member.staleness > 0 ? fmt::format(", {} behind", member.staleness) : "",
                           member.rounds_late > 0 ? ", carried" : "");
    for (int const site : commit->absent) words += fmt::format(" absent {}", site);
    return words;
  }
  if (auto const* send = std::get_if<SendToShard>(&action))
    return fmt::format("sends shard {}: {}", send->shard, describe(send->message));
  if (auto const* copy = std::get_if<SendReplica>(&action))
    return fmt::format("sends shard {}: {}", copy->shard, describe(copy->replica));
  if (auto const* taken = std::get_if<InstallReplica>(&action))
    return fmt::format("takes over fragment {}", taken->fragment);
  return "discards a payload";
}

}  // namespace atl::sim
