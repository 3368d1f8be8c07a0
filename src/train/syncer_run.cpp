#include "train/syncer_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/stop_flag.hpp"
#include "deck/deck.hpp"
#include "outer/codec.hpp"
#include "train/machine_options.hpp"
#include "train/peers.hpp"

namespace atl::train {

namespace {

bool is_between_shards(protocol::Message const& message) {
  return std::holds_alternative<protocol::Seat>(message) ||
         std::holds_alternative<protocol::Replica>(message) ||
         std::holds_alternative<protocol::ReplicaAck>(message) ||
         std::holds_alternative<protocol::Alive>(message);
}

protocol::Participant participant(transport::Peer peer) {
  using Kind = protocol::Participant::Kind;
  return {peer.kind == transport::Peer::Kind::site ? Kind::site : Kind::shard, peer.index};
}

}  // namespace

SyncerRun::SyncerRun(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                     bool shows_progress, int shard, Links links, Trace& trace, double start_s)
    : plan_(plan),
      folder_(folder),
      shard_(shard),
      transport_(links.transport),
      tape_(links.tape),
      chaos_(links.chaos),
      crew_(std::move(links.crew)),
      life_(links.life),
      trace_(trace),
      start_s_(start_s),
      agreement_(deck::agreement(plan.config)),
      machine_(syncer_options(plan.config, shard)),
      incarnations_(static_cast<std::size_t>(effective_sites(plan.config))),
      steps_(static_cast<std::size_t>(effective_sites(plan.config))),
      last_step_s_(start_s),
      last_heard_s_(start_s) {
  for (int site = 0; site < effective_sites(plan.config); ++site) present_.insert(site_peer(site));
  for (int other = 1; shard == 0 && other < plan.config.syncer.ranks; ++other)
    present_.insert(shard_peer(other));
  if (has_outer_exchange(plan.config)) model_.emplace(plan, shard);
  if (shard == 0) {
    hub_.emplace(plan, folder, resume, shows_progress, transport_, start_s,
                 [this](protocol::Message const& message) { on_command(message); });
  }
  if (resume) {
    load(*resume);
  } else if (model_) {
    model_->initialize();
  }
}

bool SyncerRun::has_everyone_left() const { return is_over_ && present_.empty() && called_.empty(); }

base::ExitCode SyncerRun::run() try {
  while (!has_everyone_left()) {
    double now_s = base::now_s();
    double wake_s = now_s + (crew_.is_busy() || states_.is_writing() ? 0.01 : 0.2);
    for (auto const& timer : {machine_.next_timer_s(), hub_ ? hub_->next_timer_s() : std::nullopt}) {
      if (timer) wake_s = std::min(wake_s, *timer);
    }
    transport_.wait(std::max(0.0, wake_s - now_s));

    for (auto const& frame : transport_.receive()) dispatch(frame);
    for (auto const& loss : transport_.losses()) on_loss(loss);
    if (auto const site = crew_.poll()) {
      called_.erase(*site);
      man_again(*site);
    }
    if (chaos_) chaos_->tick(machine_.clock());
    now_s = base::now_s();
    carry_out(machine_.on_timer(now_s));
    if (states_.poll_written()) answer_hub(states_.take_answer());
    report_when_quiet();
    if (tape_) tape_->flush();
    if (hub_) {
      tell_of_silence(now_s);
      hub_->tick(standing(), now_s);
      check_that_somebody_moves(now_s);
    } else if (base::stop_requested() && !std::exchange(told_of_stop_, true)) {
      transport_.send(shard_peer(0), protocol::Progress{.stop_requested = true});
    }

    // Whoever left without a word must not keep the others: what they could save is saved.
    if (is_over_ && now_s - last_heard_s_ > plan_.config.outer.dead_after_s) {
      base::log::warn("not everyone said good-bye");
      break;
    }
  }
  trace_.flush();
  states_.finish();
  report_refusals();
  if (hub_) return hub_->end(base::now_s());
  transport_.send(shard_peer(0), protocol::Bye{});
  return base::ExitCode::done;
} catch (Corrupted const& what) {
  on_corruption(what);
  throw;
}

Standing SyncerRun::standing() const {
  Standing standing{.clock = machine_.clock(),
                    .slowest_step = machine_.slowest_step(),
                    .all_sites_live = machine_.slowest_step() > 0,
                    .last_advance_s = machine_.last_advance_s(),
                    .waiting_for = machine_.waiting_for()};
  for (int site = 0; site < effective_sites(plan_.config); ++site)
    standing.all_sites_live = standing.all_sites_live && machine_.is_live(site) && machine_.is_admitted(site);
  return standing;
}

// Who waits is told of by its watchdog; where all do, nothing that the program does of itself will help.
void SyncerRun::check_that_somebody_moves(double now_s) {
  double const longest_s = 2 * plan_.config.run.watchdog_s;
  if (hub_->is_coming_to_rest()) last_step_s_ = now_s;  // which has limits of its own
  if (longest_s == 0 || is_over_ || now_s - last_step_s_ < longest_s) return;
  auto const waits_for = machine_.waiting_for();
  auto const why = fmt::format("no site has taken a step for {:.0f} s{}; the logs say who waits in what",
                               longest_s, waits_for.empty() ? "" : fmt::format(" ({})", waits_for));
  hub_->abandon_hung(why, now_s);
  throw base::Hung(why);
}

void SyncerRun::dispatch(transport::Frame const& frame) {
  double const now_s = last_heard_s_ = base::now_s();
  int const peer = frame.from.index;
  bool const from_site = frame.from.kind == transport::Peer::Kind::site;
  if (auto const* hello = std::get_if<protocol::Hello>(&frame.message); hello && from_site) {
    on_hello(peer, *hello);
  } else if (auto const* progress = std::get_if<protocol::Progress>(&frame.message)) {
    if (hub_ && progress->stop_requested) hub_->on_stop_requested();
    // Where nobody waits for others, who can speak does not hang.
    bool const speaks_freely = from_site && !deck::is_synchronous(plan_.config.run.method);
    if (from_site &&
        (progress->step != std::exchange(steps_[static_cast<std::size_t>(peer)], progress->step) ||
         speaks_freely))
      last_step_s_ = now_s;
    if (from_site) carry_out(machine_.on_progress(peer, *progress, now_s));
  } else if (auto const* promise = std::get_if<protocol::Promise>(&frame.message); promise && from_site) {
    carry_out(machine_.on_promise(peer, *promise, now_s));
  } else if (is_between_shards(frame.message) && !from_site) {
    on_word_of_shard(frame);
  } else if (std::holds_alternative<protocol::Contribution>(frame.message) && from_site) {
    on_contribution(frame);
  } else if (auto const* marker = std::get_if<protocol::Marker>(&frame.message)) {
    on_marker(*marker);
    if (from_site) cut_.on_site_marker(peer, *marker);
    if (hub_ && !marker->bulk) hub_->on_marker(participant(frame.from), *marker);
    close_cut_if_complete();
  } else if (auto const* held = std::get_if<protocol::Held>(&frame.message); held && hub_) {
    hub_->on_held(participant(frame.from), *held, now_s);
  } else if (auto const* saved = std::get_if<protocol::Saved>(&frame.message); saved && hub_) {
    hub_->on_saved(participant(frame.from), *saved, now_s);
  } else if (auto const* line = std::get_if<protocol::Report>(&frame.message); line && hub_) {
    hub_->record(participant(frame.from), line->line);
  } else if (std::holds_alternative<protocol::Bye>(frame.message)) {
    present_.erase(frame.from);
    // It was told that it came too late, by shard 0; here it may have been taken in.
    if (from_site && hold_) carry_out(machine_.on_site_lost(peer, now_s));
  } else if (frame.from == shard_peer(0)) {
    on_command(frame.message);
  } else {
    base::log::warn_once("unexpected message",
                         "a message arrived that a shard has no use for; it was dropped");
  }
}

void SyncerRun::on_hello(int site, protocol::Hello const& hello) {
  std::string refusal;
  if (hello.version != protocol::protocol_version) {
    refusal = fmt::format("protocol version {} against {}", hello.version, protocol::protocol_version);
  } else if (hello.agreement != agreement_) {
    auto const differs = std::ranges::mismatch(hello.agreement, agreement_).in2 - agreement_.begin();
    auto const begin = agreement_.rfind('\n', static_cast<std::size_t>(differs)) + 1;
    refusal = fmt::format("the decks differ; here: {}",
                          agreement_.substr(begin, agreement_.find('\n', begin) - begin));
  } else if (hello.parameters != plan_.table.digest()) {
    refusal = "the models' tensors differ";
  }
  if (!refusal.empty()) return transport_.send(site_peer(site), protocol::Welcome{.refusal = refusal});
  called_.erase(site);
  bool is_in_time = true;
  if (auto& known = incarnations_[static_cast<std::size_t>(site)]; known != hello.incarnation) {
    strike_off(site);
    if (hub_ && known > 0) is_in_time = hub_->on_new_life(site, base::now_s());
    known = hello.incarnation;
    attempts_[site] = 0;
  }
  present_.insert(site_peer(site));
  if (!is_in_time) {
    transport_.send(site_peer(site), machine_.welcome(site));
    return transport_.send(site_peer(site), protocol::Go{.leave = true});
  }
  auto const actions = machine_.on_admitted(site, hello.incarnation, base::now_s(), hello.heals);
  transport_.send(site_peer(site), machine_.welcome(site));
  carry_out(actions);
  if (hub_) hub_->on_return(site);
}

void SyncerRun::on_command(protocol::Message const& message) {
  double const now_s = base::now_s();
  if (auto const* hold = std::get_if<protocol::Hold>(&message)) {
    hold_ = *hold;
    is_at_rest_ = false;
    carry_out(machine_.on_hold(hold->purpose, now_s));
  } else if (auto const* save = std::get_if<protocol::Save>(&message)) {
    write_state(*save);
  } else if (auto const* marker = std::get_if<protocol::Marker>(&message)) {
    on_marker(*marker);
    close_cut_if_complete();
  } else if (auto const* recruit = std::get_if<protocol::Recruit>(&message)) {
    man(static_cast<int>(recruit->site), recruit->incarnation);
  } else if (auto const* go = std::get_if<protocol::Go>(&message)) {
    hold_.reset();
    is_over_ = go->leave;
    if (!go->leave) carry_out(machine_.on_go(now_s));
  }
}

void SyncerRun::report_when_quiet() {
  if (!hold_ || machine_.is_quiet() == is_at_rest_) return;
  is_at_rest_ = !is_at_rest_;
  answer_hub(protocol::Held{.id = hold_->id, .taken_back = !is_at_rest_});
}

void SyncerRun::answer_hub(protocol::Message message) {
  if (!hub_) return transport_.send(shard_peer(0), std::move(message));
  protocol::Participant const self{protocol::Participant::Kind::shard, shard_};
  double const now_s = base::now_s();
  if (auto const* held = std::get_if<protocol::Held>(&message)) hub_->on_held(self, *held, now_s);
  if (auto const* saved = std::get_if<protocol::Saved>(&message)) hub_->on_saved(self, *saved, now_s);
}

void SyncerRun::report(std::string const& metrics_line) {
  if (hub_) {
    hub_->record({protocol::Participant::Kind::shard, shard_}, metrics_line);
  } else {
    transport_.send(shard_peer(0), protocol::Report{metrics_line});
  }
}

void SyncerRun::carry_out(std::vector<protocol::SyncerAction> const& actions) {
  for (auto const& action : actions) {
    if (auto const* send = std::get_if<protocol::SendToSite>(&action)) {
      if (auto const* seat = std::get_if<protocol::Seat>(&send->message)) tape_terms(*seat);
      transport_.send(site_peer(send->site), send->message);
      auto const* notice = std::get_if<protocol::FateNotice>(&send->message);
      if (notice && notice->fate.reason == protocol::Reason::unusual_norm)
        note_refusal(send->site, notice->fate.reason);
    } else if (auto const* release = std::get_if<protocol::SendRelease>(&action)) {
      auto const fragment = static_cast<int>(release->release.fragment);
      auto const& theta = release->release.since ? model_->difference(fragment) : model_->release(fragment);
      transport_.send(site_peer(release->site), release->release, theta);
    } else if (auto const* round = std::get_if<protocol::Commit>(&action)) {
      commit(*round);
    } else if (auto const* tell = std::get_if<protocol::SendToShard>(&action)) {
      transport_.send(shard_peer(tell->shard), tell->message);
    } else if (auto const* copy = std::get_if<protocol::SendReplica>(&action)) {
      transport_.send(shard_peer(copy->shard), copy->replica,
                      model_->replica(static_cast<int>(copy->replica.fragment)));
    } else if (auto const* taken = std::get_if<protocol::InstallReplica>(&action)) {
      install(*taken);
    } else if (auto const* discard = std::get_if<protocol::DiscardPayload>(&action)) {
      this->discard(discard->payload);
    }
  }
}

}  // namespace atl::train
