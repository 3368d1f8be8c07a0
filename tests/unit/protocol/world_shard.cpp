// The shards of a world, and the quiet point that shard 0 runs.
#include <algorithm>
#include <utility>

#include "world.hpp"

namespace atl::test {

using namespace protocol;

void World::on_shard(int s, std::function<std::vector<SyncerAction>(SyncerMachine&)> const& event) {
  auto& shard = shards_[static_cast<std::size_t>(s)];
  auto const clock_before = shard.machine.clock();
  for (auto const& action : event(shard.machine)) act(s, action);
  if (shard.machine.clock() < clock_before) fail("a clock fell");
  if (!shard.machine.has_true_standings()) fail("what a shard has counted is not what there is");
  answer_hold(s);
  if (s == 0) watch_clock();

  auto const timer_s = shard.machine.next_timer_s();
  auto const wake = ++shard.wake;
  if (!timer_s || std::ranges::all_of(sites_, &Site::left)) return;
  if (*timer_s < now_s_) fail("a timer lies in the past");
  at(*timer_s, [this, s, wake] {
    if (shards_[static_cast<std::size_t>(s)].wake != wake) return;
    on_shard(s, [this](SyncerMachine& machine) { return machine.on_timer(now_s_); });
  });
}

void World::act(int s, SyncerAction const& action) {
  if (auto const* send_to = std::get_if<SendToSite>(&action)) {
    send({send_to->site, s, false, false}, [this, m = send_to->site, message = send_to->message] {
      if (auto const* pull = std::get_if<Pull>(&message)) deliver(m, *pull);
      if (auto const* cancel = std::get_if<Cancel>(&message)) deliver(m, *cancel);
      if (auto const* notice = std::get_if<FateNotice>(&message)) deliver(m, *notice);
    });
  } else if (auto const* step = std::get_if<Commit>(&action)) {
    commit(s, *step);
  } else if (auto const* discard = std::get_if<DiscardPayload>(&action)) {
    tape_discard(s, discard->payload);
    take_at(s, discard->payload);
  } else {
    release(s, std::get<SendRelease>(action));
  }
}

void World::release(int s, SendRelease const& order) {
  auto const fragment = order.release.fragment;
  auto const& shard = shards_[static_cast<std::size_t>(s)];
  auto const payload = keep((order.release.since ? shard.step : shard.theta).at(fragment));
  auto const number = ++releases_;
  newest_release_[{order.site, fragment}] = number;
  bool const replaceable = options_.replaces_releases && uniform() < 0.5;
  send({order.site, s, false, true}, [=, this, held = HeldRelease{order.release, payload}] {
    bool const replaced = replaceable && newest_release_[{order.site, fragment}] != number;
    if (replaced) {
      take(held.payload);
    } else {
      deliver(order.site, make_whole(order.site, held));
    }
  });
}

HeldRelease World::make_whole(int m, HeldRelease held) {
  auto& [version, theta] = whole_[{m, held.release.fragment}];
  if (held.release.since) {
    ++seen_.differences;
    auto const step = take(held.payload);
    bool const is_damaged = uniform() < options_.damaged_share;
    if (is_damaged || theta.empty() || version != *held.release.since) {
      ++seen_.useless_differences;
      return {held.release, 0};
    }
    for (std::size_t i = 0; i < step.size(); ++i) theta[i] += step[i];
    held.payload = keep(theta);
  } else {
    theta = payloads_.at(held.payload);
  }
  version = held.release.version;
  return held;
}

void World::commit(int s, Commit const& commit) {
  auto& shard = shards_[static_cast<std::size_t>(s)];
  auto& theta = shard.theta.at(commit.fragment);
  auto& step = shard.step[commit.fragment];
  step.assign(theta.size(), 0);
  auto const late = std::ranges::count_if(commit.members, [](Member const& m) { return m.rounds_late > 0; });
  if (std::ssize(commit.members) - late < options_.outer.quorum) fail("a commit below its quorum");
  seen_.carried_members += static_cast<int>(late);
  if (!std::ranges::is_sorted(commit.members, {}, &Member::site)) fail("members out of order");
  for (auto const& member : commit.members) {
    if (member.contribution.base >= commit.version) fail("a member from the future");
    Tally const delta = take_at(s, member.payload);
    for (std::size_t i = 0; i < delta.size(); ++i) {
      theta[i] += delta[i];
      step[i] += delta[i];
      if (theta[i] > 1) return fail("a step was merged twice");
    }
  }
  commits_.push_back({now_s_, commit});
  tape_commit(s, commit);
  if (options_.synchronous) {
    auto const [first, is_first] = theta_of_.try_emplace({commit.fragment, commit.version.commits}, theta);
    if (first->second != theta) fail("a version is not what it was before the restart");
  }
}

void World::watch_clock() {
  auto const clock = shards_[0].machine.clock();
  auto const progress = ends_by_itself() ? shards_[0].machine.slowest_step() : clock;
  if (progress >= options_.steps) {
    on_quiet(quiet_->request(Purpose::finish, clock, now_s_));
  } else if (options_.checkpoint_every > 0 && clock >= next_checkpoint_) {
    next_checkpoint_ = clock + options_.checkpoint_every;
    on_quiet(quiet_->request(Purpose::checkpoint, clock, now_s_));
  }
}

void World::on_quiet(std::vector<QuietAction> const& actions) {
  for (auto const& action : actions) {
    if (auto const* broadcast = std::get_if<SendToAll>(&action)) {
      to_all(broadcast->message);
    } else if (auto const* seal = std::get_if<Seal>(&action)) {
      seals_.push_back(*seal);
      saved_sites_ = std::exchange(being_saved_sites_, {});
      saved_shards_ = std::exchange(being_saved_shards_, {});
    } else {
      given_up_.push_back(std::get<GiveUp>(action).why);
    }
  }
  auto const timer_s = quiet_->next_timer_s();
  auto const wake = ++quiet_wake_;
  if (timer_s) {
    at(*timer_s, [this, wake] {
      if (quiet_wake_ == wake) on_quiet(quiet_->on_timer(now_s_));
    });
  }
}

void World::to_all(Message const& message) {
  for (int m = 0; m < options_.sites; ++m) {
    send({m, 0, false, false}, [this, m, message] {
      if (auto const* hold = std::get_if<Hold>(&message)) deliver(m, *hold);
      if (auto const* save = std::get_if<Save>(&message)) deliver(m, *save);
      if (auto const* go = std::get_if<Go>(&message)) deliver(m, *go);
    });
  }
  for (int s = 0; s < options_.shards; ++s) {
    send({-1 - s, 0, false, false}, [this, s, message] { tell_shard(s, message); });
  }
}

void World::tell_shard(int s, Message const& message) {
  auto& shard = shards_[static_cast<std::size_t>(s)];
  if (auto const* hold = std::get_if<Hold>(&message)) {
    shard.to_answer = hold->id;
    on_shard(s, [&](SyncerMachine& machine) { return machine.on_hold(hold->purpose, now_s_); });
  } else if (auto const* save = std::get_if<Save>(&message)) {
    save_shard(s, *save);
  } else if (auto const* go = std::get_if<Go>(&message)) {
    shard.to_answer.reset();
    if (!go->leave) on_shard(s, [&](SyncerMachine& machine) { return machine.on_go(now_s_); });
  }
}

void World::save_shard(int s, Save const& save) {
  auto const& shard = shards_[static_cast<std::size_t>(s)];
  SavedShard state{test::saved(shard.machine), shard.theta, {}};
  for (auto const* member : shard.machine.held_members()) {
    auto const restored = shard.restored.find(member->payload);
    state.held.push_back(restored != shard.restored.end() ? restored->second : payloads_.at(member->payload));
  }
  being_saved_shards_[s] = std::move(state);
  Saved const saved{.id = save.id, .files = {{"shard_" + std::to_string(s), 1, {}}}, .failure = ""};
  send({-1 - s, 0, true, false}, [this, s, saved] {
    on_quiet(quiet_->on_saved({Participant::Kind::shard, s}, saved, now_s_));
  });
}

void World::answer_hold(int s) {
  auto& shard = shards_[static_cast<std::size_t>(s)];
  if (!shard.to_answer || !shard.machine.is_quiet()) return;
  shard.was_live.clear();
  for (int m = 0; m < options_.sites; ++m) shard.was_live.push_back(shard.machine.is_live(m));
  Held const held{.id = *std::exchange(shard.to_answer, std::nullopt)};
  send({-1 - s, 0, true, false}, [this, s, held] {
    on_quiet(quiet_->on_held({Participant::Kind::shard, s}, held, now_s_));
  });
}

}  // namespace atl::test
