#include "train/replay_shard.hpp"

#include <vector>

#include "base/clock.hpp"
#include "train/peers.hpp"
#include "train/syncer_run.hpp"

namespace atl::train {

namespace {

constexpr double wait_s = 0.25;
// After the last good-bye, with commits to come.
constexpr double patience_s = 10.0;

}  // namespace

ReplayShard::ReplayShard(RunPlan const& plan, std::optional<ResumePoint> const& resume,
                         protocol::TapedLife const& life, protocol::ReplayingSyncer syncer,
                         transport::Transport& transport, protocol::Tape& tape)
    : plan_(plan), syncer_(std::move(syncer)), transport_(transport), tape_(tape) {
  if (!has_outer_exchange(plan.config)) return;
  model_.emplace(plan, static_cast<int>(life.start.index));
  if (resume) {
    load(*resume, life);
  } else {
    model_->initialize();
  }
  for (auto const& begun : life.only<protocol::TapedVersion>())
    publish(static_cast<int>(begun.fragment), begun.version);
}

void ReplayShard::load(ResumePoint const& resume, protocol::TapedLife const& life) {
  ShardFiles const files(resume);
  for (auto const& begun : life.only<protocol::TapedVersion>()) {
    auto const fragment = static_cast<int>(begun.fragment);
    model_->load(fragment, files.of(fragment), begun.version.commits);
  }
  for (auto const& [site, contribution] : life.start.held)
    held_[++last_handle_] = SyncerRun::load_payload(plan_, files, static_cast<int>(site), contribution);
  for (auto const& sent : SyncerRun::in_flight_of(plan_, resume, static_cast<int>(life.start.index)))
    held_[++last_handle_] = sent.payload;
}

void ReplayShard::run() {
  carry_out(syncer_.on_start());
  double heard_s = base::now_s();
  // A contribution takes the other lane than its site's good-bye, and may come after it.
  auto const is_over = [&] {
    bool const is_complete = syncer_.has_all_commits() || base::now_s() - heard_s > patience_s;
    return farewells_ == effective_sites(plan_.config) && is_complete;
  };
  while (!is_over()) {
    transport_.wait(wait_s);
    for (auto const& frame : transport_.receive()) {
      heard_s = base::now_s();
      dispatch(frame);
    }
  }
}

void ReplayShard::dispatch(transport::Frame const& frame) {
  int const site = frame.from.index;
  if (auto const* contribution = std::get_if<protocol::Contribution>(&frame.message)) {
    held_[++last_handle_] = frame.payload;
    carry_out(syncer_.on_contribution(site, *contribution, last_handle_));
  } else if (auto const* replica = std::get_if<protocol::Replica>(&frame.message)) {
    held_[++last_handle_] = frame.payload;
    carry_out(syncer_.on_replica(*replica, last_handle_));
  } else if (auto const* progress = std::get_if<protocol::Progress>(&frame.message)) {
    carry_out(syncer_.on_progress(site, *progress));
  } else if (std::holds_alternative<protocol::Bye>(frame.message)) {
    ++farewells_;
  }
}

void ReplayShard::carry_out(std::vector<protocol::ReplayAction> const& actions) {
  for (auto const& action : actions) {
    if (auto const* taken = std::get_if<protocol::Commit>(&action)) {
      commit(*taken);
    } else if (auto const* seat = std::get_if<protocol::TakeFragment>(&action)) {
      take(*seat);
    } else if (auto const* copy = std::get_if<protocol::SendReplica>(&action)) {
      auto const fragment = static_cast<int>(copy->replica.fragment);
      transport_.send(shard_peer(copy->shard), copy->replica, model_->replica(fragment));
    } else if (auto const* send = std::get_if<protocol::SendRelease>(&action)) {
      auto const& release = send->release;
      transport_.send(site_peer(send->site), release, releases_.at({release.fragment, release.version}));
    } else if (auto const* discard = std::get_if<protocol::DiscardPayload>(&action)) {
      held_.erase(discard->payload);
    }
  }
  std::erase_if(releases_,
                [&](auto const& kept) { return !syncer_.is_wanted(kept.first.first, kept.first.second); });
}

void ReplayShard::commit(protocol::Commit const& commit) {
  std::vector<OuterModel::Member> members;
  for (auto const& member : commit.members)
    members.push_back(OuterModel::member(member, held_.extract(member.payload).mapped()));
  auto const fragment = static_cast<int>(commit.fragment);
  model_->commit(fragment, commit.version.commits, members);
  publish(fragment, commit.version);
}

// What it owned already it has.
void ReplayShard::take(protocol::TakeFragment const& seat) {
  auto const& [fragment, version, theta] = seat.taken.taken;
  auto const payload = held_.extract(seat.payload);
  if (seat.taken.by_replica)
    model_->install(static_cast<int>(fragment), version.commits, payload ? payload.mapped() : nullptr);
  publish(static_cast<int>(fragment), version);
}

void ReplayShard::publish(int fragment, protocol::Version const& version) {
  tape_.put(model_->taped(fragment, version));
  releases_[{static_cast<std::uint32_t>(fragment), version}] = model_->release(fragment);
}

}  // namespace atl::train
