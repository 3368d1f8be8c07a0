#include "sim/sim_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/memory_archive.hpp"
#include "sim/machine_options.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

bool is_between_shards(Message const& message) {
  return std::holds_alternative<Seat>(message) || std::holds_alternative<Replica>(message) ||
         std::holds_alternative<ReplicaAck>(message) || std::holds_alternative<Alive>(message);
}

// What the driver would see of a machine's state and of what it wants done.
std::string visible(SyncerMachine const& machine, std::vector<SyncerAction> const& actions) {
  std::string text = fmt::format("clock {}, timer {}, {}", machine.clock(),
                                 machine.next_timer_s().value_or(-1.0), machine.waiting_for());
  for (auto const& action : actions) {
    if (!std::holds_alternative<DiscardPayload>(action)) text += "; " + describe(action);
  }
  return text;
}

}  // namespace

SimShard::SimShard(Stage& stage, int shard, SavedShard const* from)
    : stage_(stage),
      shard_(shard),
      machine_(shard_options(stage.scenario, shard)),
      values_(from ? from->values : ShardValues(stage.scenario, stage.problem, shard)),
      lives_(static_cast<std::size_t>(stage.layout().sites)) {
  if (shard == 0) hub_.emplace(stage, [this](Message const& message) { on_command(message); });
  if (from) load(*from);
}

void SimShard::load(SavedShard const& from) {
  machine_.load(base::MemoryReader(from.machine), 0.0);
  ShardRestored restored{.shard = shard_, .held = {}, .in_flight = {}};
  for (auto const* member : machine_.held_members())
    restored.held.push_back({static_cast<std::uint32_t>(member->site), member->contribution});
  for (auto const& parcel : from.held) held_[++last_handle_] = parcel;
  for (auto const& [site, contribution, parcel] : from.in_flight) {
    held_[++last_handle_] = parcel;
    auto const facts = values_.facts_of(last_handle_, contribution.fragment, parcel.bytes);
    auto const counts = machine_.put_in_flight(site, contribution, facts);
    restored.in_flight.push_back({static_cast<std::uint32_t>(site), counts});
  }
  stage_.see(restored);
}

void SimShard::start() {
  for (int p = shard_; p < stage_.scenario.outer.fragments; p += stage_.layout().shards)
    publish(static_cast<std::uint32_t>(p), machine_.version(static_cast<std::uint32_t>(p)));
  after_event();
}

void SimShard::lose() {
  is_alive_ = false;
  overslept_ = false;
  ++ticket_;
}

// ---- what arrives ----

void SimShard::receive(Frame frame) {
  if (!is_alive_) return;
  if (is_ghost(frame)) {
    handle_ghost(frame);
  } else {
    dispatch(frame);
  }
  after_event();
}

void SimShard::on_gone(Node who, std::uint64_t life) {
  if (!is_alive_) return;
  int const index = stage_.layout().index_of(who);
  if (!stage_.layout().is_site(who)) {
    carry_out(machine_.on_shard_lost(index, stage_.now_s()));
    if (hub_) hub_->on_lost(stage_.layout().participant(who));
  } else if (auto& known = lives_[static_cast<std::size_t>(index)]; known <= life) {
    known = life + 1;
    cut_.strike_off(index);
    if (hub_) hub_->on_lost(stage_.layout().participant(who));
    carry_out(machine_.on_site_lost(index, stage_.now_s()));
  }
  after_event();
}

void SimShard::dispatch(Frame const& frame) {
  auto const who = stage_.layout().participant(frame.from);
  bool const from_site = stage_.layout().is_site(frame.from);
  if (auto const* hello = std::get_if<Hello>(&frame.message); hello && from_site) {
    on_hello(frame.from, *hello);
  } else if (auto const* progress = std::get_if<Progress>(&frame.message); progress && from_site) {
    if (!progress->heals) stage_.see(Admitted{shard_, who.index, progress->incarnation});
    carry_out(hand_over(machine_, frame, 0));
  } else if (auto const* sent = std::get_if<Contribution>(&frame.message); sent && from_site) {
    if (cut_.records(who.index)) saved_->in_flight.push_back({who.index, *sent, frame.parcel});
    carry_out(hand_over(machine_, frame, keep(frame)));
  } else if (std::holds_alternative<Promise>(frame.message) && from_site) {
    carry_out(hand_over(machine_, frame, 0));
  } else if (is_between_shards(frame.message) && !from_site) {
    auto const* replica = std::get_if<Replica>(&frame.message);
    auto const payload = replica ? keep(frame) : PayloadHandle{0};
    if (replica) replicas_[payload] = replica->version;
    carry_out(machine_.on_shard(who.index, frame.message, payload, stage_.now_s()));
  } else if (auto const* marker = std::get_if<Marker>(&frame.message)) {
    on_marker(*marker);
    if (from_site) cut_.on_site_marker(who.index, *marker);
  } else if (std::holds_alternative<Bye>(frame.message) && from_site) {
    on_gone(frame.from, frame.life);
  } else if (auto const* held = std::get_if<Held>(&frame.message); held && hub_) {
    hub_->on_held(who, *held);
  } else if (auto const* saved = std::get_if<Saved>(&frame.message); saved && hub_) {
    hub_->on_saved(who, *saved);
  } else if (frame.from == stage_.layout().shard(0)) {
    on_command(frame.message);
  }
}

// The messages that carry an incarnation go to the machine whatever their age.
std::vector<SyncerAction> SimShard::hand_over(SyncerMachine& machine, Frame const& frame,
                                              PayloadHandle payload) {
  int const site = stage_.layout().index_of(frame.from);
  double const now_s = stage_.now_s();
  if (auto const* hello = std::get_if<Hello>(&frame.message))
    return machine.on_admitted(site, hello->incarnation, now_s, hello->heals);
  if (auto const* promise = std::get_if<Promise>(&frame.message))
    return machine.on_promise(site, *promise, now_s);
  if (auto const* progress = std::get_if<Progress>(&frame.message))
    return machine.on_progress(site, *progress, now_s);
  if (auto const* contribution = std::get_if<Contribution>(&frame.message)) {
    auto const facts = payload > 0
                           ? values_.facts_of(payload, contribution->fragment, held_.at(payload).bytes)
                           : PayloadFacts{.finite = false};
    return machine.on_contribution(site, *contribution, facts, now_s);
  }
  return {};
}

PayloadHandle SimShard::keep(Frame const& frame) {
  held_[++last_handle_] = frame.parcel;
  return last_handle_;
}

void SimShard::on_hello(Node from, Hello const& hello) {
  int const site = stage_.layout().index_of(from);
  if (std::exchange(lives_[static_cast<std::size_t>(site)], hello.incarnation) != hello.incarnation)
    cut_.strike_off(site);
  auto const actions = machine_.on_admitted(site, hello.incarnation, stage_.now_s(), hello.heals);
  stage_.send(self(), from, machine_.welcome(site));
  if (!hello.heals) stage_.see(Admitted{shard_, site, hello.incarnation});
  carry_out(actions);
  // What was said to all went to its earlier life.
  if (is_over()) stage_.send(self(), from, Go{.leave = true});
}

// From a life of its sender that has been followed by another.
bool SimShard::is_ghost(Frame const& frame) const {
  return stage_.layout().is_site(frame.from) && frame.life < lives_[static_cast<std::size_t>(frame.from)];
}

// A driver closes the earlier connection of a site that says hello again, and what still comes by it is
// dropped, but for what may have been read from it already: that is for the machine to refuse. It is compared
// with a twin that is only told the time.
void SimShard::handle_ghost(Frame const& frame) {
  bool const is_contribution = std::holds_alternative<Contribution>(frame.message);
  auto const payload = is_contribution ? keep(frame) : PayloadHandle{0};
  SyncerMachine twin = machine_;
  auto const expected = twin.on_timer(stage_.now_s());
  auto const actions = hand_over(machine_, frame, payload);
  auto const seen = actions.empty() && !is_contribution ? machine_.on_timer(stage_.now_s()) : actions;
  auto const what = visible(machine_, seen);
  auto const wanted = visible(twin, expected);
  stage_.see(GhostHandled{
      self(),
      what == wanted ? "" : fmt::format("{}: '{}' instead of '{}'", describe(frame.message), what, wanted)});
  carry_out(seen);
}

void SimShard::on_command(Message const& message) {
  double const now_s = stage_.now_s();
  if (auto const* hold = std::get_if<Hold>(&message)) {
    hold_ = *hold;
    is_at_rest_ = false;
    carry_out(machine_.on_hold(hold->purpose, now_s));
  } else if (auto const* save = std::get_if<Save>(&message)) {
    base::saved(machine_);
    answer_hub(Saved{.id = save->id, .files = {{stage_.layout().name(self()), 1, {}}}, .failure = ""});
  } else if (auto const* marker = std::get_if<Marker>(&message)) {
    on_marker(*marker);
  } else if (auto const* go = std::get_if<Go>(&message)) {
    hold_.reset();
    if (!go->leave) carry_out(machine_.on_go(now_s));
  }
}

void SimShard::on_marker(Marker marker) {
  std::set<int> sites;
  for (int site = 0; site < stage_.layout().sites; ++site) sites.insert(site);
  if (!cut_.begin(marker, std::move(sites))) return;
  saved_.emplace(SavedShard{base::saved(machine_), values_, {}});
  for (auto const* member : machine_.held_members()) saved_->held.push_back(held_.at(member->payload));
  for (bool const bulk : {false, true}) {
    marker.bulk = bulk;
    for (Node node = 0; node < stage_.layout().size(); ++node) {
      if (node != self()) stage_.send(self(), node, marker);
    }
  }
}

void SimShard::close_cut_if_complete() {
  if (!cut_.is_complete()) return;
  cut_.close();
  stage_.vault.put(shard_, *std::exchange(saved_, std::nullopt));
  answer_hub(Saved{.id = cut_.marker().id, .files = {{stage_.layout().name(self()), 1, {}}}, .failure = ""});
}

void SimShard::answer_hub(Message message) {
  if (!hub_) return stage_.send(self(), stage_.layout().shard(0), std::move(message));
  auto const who = stage_.layout().participant(self());
  if (auto const* held = std::get_if<Held>(&message)) hub_->on_held(who, *held);
  if (auto const* saved = std::get_if<Saved>(&message)) hub_->on_saved(who, *saved);
}

// ---- timers ----

void SimShard::on_timer(std::uint64_t ticket) {
  if (ticket != ticket_) return;
  timer_s_.reset();
  overslept_ = stage_.faults.is_on(FaultKind::stall, self());
  if (overslept_) return;
  carry_out(machine_.on_timer(stage_.now_s()));
  after_event();
}

void SimShard::resume() {
  if (overslept_) on_timer(ticket_);
}

void SimShard::after_event() {
  close_cut_if_complete();
  stage_.see(ClockRead{shard_, machine_.clock()});
  if (hold_ && machine_.is_quiet() == !is_at_rest_) {
    is_at_rest_ = !is_at_rest_;
    answer_hub(Held{.id = hold_->id, .taken_back = !is_at_rest_});
  }
  if (hub_) hub_->tick(machine_);
  for (auto const& next : {machine_.next_timer_s(), hub_ ? hub_->next_timer_s() : std::nullopt}) {
    if (!next || (timer_s_ && *timer_s_ <= *next)) continue;
    timer_s_ = next;
    stage_.events.plan(*next, Event::Kind::timer, static_cast<std::uint32_t>(shard_), ++ticket_);
  }
}

}  // namespace atl::sim
