// What a shard does when a process is gone: the machine hears of it, and a site is manned again.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/site_layout.hpp"
#include "deck/names.hpp"
#include "train/metrics.hpp"
#include "train/peers.hpp"
#include "train/syncer_run.hpp"

namespace atl::train {

void SyncerRun::on_loss(transport::Loss const& loss) {
  bool const is_site = loss.peer.kind == transport::Peer::Kind::site;
  if (is_site && !present_.contains(loss.peer)) {
    // It had said good-bye, or what is left of it is lost before a word from it.
    if (!loss.is_last) return;
    called_.erase(loss.peer.index);
    return man_again(loss.peer.index);
  }
  if (!is_site && hub_ && !present_.contains(loss.peer)) return;
  present_.erase(loss.peer);
  if (is_site) return on_site_loss(loss.peer.index, loss.is_last);

  int const shard = loss.peer.index;
  auto const what = fmt::format("shard {} is lost", shard);
  report(fault_json(base::now_s() - start_s_, machine_.clock(), what,
                    protocol::Participant{protocol::Participant::Kind::shard, shard}));
  base::log::warn(what);
  if (is_over_) return;
  carry_out(machine_.on_shard_lost(shard, base::now_s()));
  if (hub_) hub_->on_lost({protocol::Participant::Kind::shard, shard}, base::now_s());
  if (plan_.config.syncer.replicas > 0 && shard != 0) return;
  auto const why = fmt::format("{}, {}; go on with --resume", what,
                               shard == 0 ? "which leads the run" : "and nobody has its fragments");
  if (hub_) hub_->abandon(why, base::now_s());
  throw base::Interrupted(why);
}

// As if it were killed: with a backup the others go on without it.
void SyncerRun::on_corruption(Corrupted const& what) {
  auto const text = fmt::format("shard {}: {}", shard_, what.what());
  report(fault_json(base::now_s() - start_s_, machine_.clock(), text,
                    protocol::Participant{protocol::Participant::Kind::shard, shard_}));
  if (hub_) hub_->abandon(text, base::now_s());
  if (tape_) tape_->flush();
}

void SyncerRun::on_word_of_shard(transport::Frame const& frame) {
  protocol::PayloadHandle payload = 0;
  if (auto const* replica = std::get_if<protocol::Replica>(&frame.message)) {
    payload = ++last_handle_;
    auto const digest = frame.payload ? base::digest_of(std::span(*frame.payload)) : base::Digest{};
    replicas_[payload] = {frame.payload, replica->version, digest};
  }
  carry_out(machine_.on_shard(frame.from.index, frame.message, payload, base::now_s()));
  for (int p = 0; p < plan_.table.fragments(); ++p) {
    if (!machine_.owns(static_cast<std::uint32_t>(p))) model_->drop(p);
  }
}

void SyncerRun::install(protocol::InstallReplica const& taken) {
  auto const fragment = static_cast<int>(taken.fragment);
  auto const version = machine_.version(taken.fragment);
  auto const held = replicas_.extract(taken.payload);
  auto const from = held ? held.mapped() : HeldReplica{};
  if (from.payload && base::digest_of(std::span(*from.payload)) != from.digest)
    throw Corrupted(fmt::format("the copy of fragment {} is not what came: memory has changed", fragment));
  model_->install(fragment, version.commits, from.payload);
  base::log::info(fmt::format("this shard owns fragment {} now, from version {}", fragment, version.commits));
  tape_taken(taken.fragment, from.version, /*by_replica=*/true);
}

// Of those that it owned already, in a new term, the news of the seat are the first word.
void SyncerRun::tape_terms(protocol::Seat const& seat) {
  if (!tape_ || seat.claims) return;
  for (auto const& [fragment, version] : std::map(taped_)) {
    if (machine_.owns(fragment) && machine_.version(fragment).term > version.term)
      tape_taken(fragment, version, /*by_replica=*/false);
  }
}

void SyncerRun::tape_taken(std::uint32_t fragment, protocol::Version const& from, bool by_replica) {
  if (!tape_) return;
  taped_[fragment] = machine_.version(fragment);
  tape_->put(
      protocol::TapedTaken{from, by_replica, model_->taped(static_cast<int>(fragment), taped_.at(fragment))});
  tape_->flush();
}

// `is_last`: no process of it is left, else one of them will introduce itself.
void SyncerRun::on_site_loss(int site, bool is_last) {
  double const now_s = base::now_s();
  auto const what = fmt::format("site {} is lost", site);
  base::log::info(what);
  strike_off(site);
  carry_out(machine_.on_site_lost(site, now_s));
  if (!hub_) return;
  report(fault_json(now_s - start_s_, machine_.clock(), what,
                    protocol::Participant{protocol::Participant::Kind::site, site}));
  bool const is_wanted = hub_->on_lost({protocol::Participant::Kind::site, site}, now_s);
  if (plan_.config.run.method != deck::Method::decoupled) {
    auto const why = fmt::format("{}, and {} cannot do without it; go on with --resume", what,
                                 deck::name(plan_.config.run.method));
    hub_->abandon(why, now_s);
    throw base::Interrupted(why);
  }
  base::log::warn(what + (is_wanted ? "; the others go on" : ""));
  if (is_wanted && is_last) man_again(site);
}

// Of one who is there and says nothing: stopped, cut off, or much slower than outer.dead_after_s allows.
void SyncerRun::tell_of_silence(double now_s) {
  if (hub_->is_coming_to_rest() || is_over_) return;
  for (int site = 0; site < effective_sites(plan_.config); ++site) {
    bool const is_silent = machine_.is_admitted(site) && !machine_.is_live(site);
    if (is_silent == silent_.contains(site)) continue;
    if (!is_silent) {
      silent_.erase(site);
      if (machine_.is_live(site)) base::log::warn(fmt::format("site {} is heard again", site));
      continue;
    }
    silent_.insert(site);
    auto const what =
        fmt::format("site {} has said nothing for {:.1f} s", site, plan_.config.outer.dead_after_s);
    report(fault_json(now_s - start_s_, machine_.clock(), what,
                      protocol::Participant{protocol::Participant::Kind::site, site}));
    base::log::warn(what + "; the others go on");
  }
}

// Who dies before a word was heard of it would die again and again.
void SyncerRun::man_again(int site) {
  constexpr int most_attempts = 5;
  if (!hub_ || !hub_->is_wanted_back(site)) return;
  int const attempt = ++attempts_[site];
  if (attempt > most_attempts) {
    return base::log::warn(
        fmt::format("site {} did not come back {} times; the run goes on without it", site, most_attempts));
  }
  // Each attempt is a life: one that was given up may still turn up.
  auto const incarnation =
      incarnations_[static_cast<std::size_t>(site)] + static_cast<std::uint64_t>(attempt);
  for (int shard = 1; shard < plan_.config.syncer.ranks; ++shard)
    transport_.send(shard_peer(shard), protocol::Recruit{static_cast<std::uint32_t>(site), incarnation});
  man(site, incarnation);
}

void SyncerRun::man(int site, std::uint64_t incarnation) {
  called_.insert(site);
  Orders orders{.site = site,
                .incarnation = incarnation,
                .life = life_,
                .elapsed_s = base::now_s() - start_s_,
                .shards = {}};
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard) {
    if (shard == shard_ || transport_.reaches(shard_peer(shard))) orders.shards.push_back(shard);
  }
  int const ranks = comm::SiteLayout::site_sizes(plan_.config)[static_cast<std::size_t>(site)];
  // Where one attempt was in vain, perhaps it was short.
  crew_.recruit(std::move(orders), wanted(plan_, folder_, ranks),
                plan_.config.outer.dead_after_s * std::max(1, attempts_[site]));
}

}  // namespace atl::train
