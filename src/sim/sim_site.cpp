#include "sim/sim_site.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/memory_archive.hpp"
#include "outer/codec.hpp"
#include "sim/machine_options.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

// What every value of a poisoned contribution is multiplied with.
std::vector<float> const not_finite{std::numeric_limits<float>::quiet_NaN(),
                                    std::numeric_limits<float>::infinity()};
std::vector<float> const poisons{not_finite[0], not_finite[1], 1000.0f};

}  // namespace

void SimSite::start(std::uint64_t incarnation) {
  bool const heals = incarnation > 1;
  life_.emplace(Life{.machine = SiteMachine(site_options(stage_.scenario, site_, incarnation)),
                     .values = SiteValues(stage_.scenario, stage_.problem, site_),
                     .lacks_state = heals});
  overslept_ = false;
  stage_.see(SiteStarted{site_, incarnation});
  say_hello();
}

void SimSite::go_on_from(SavedSite const& saved) {
  SiteMachine machine(site_options(stage_.scenario, site_, 1));
  machine.load(base::MemoryReader(saved.machine));
  life_.emplace(
      Life{.machine = std::move(machine), .values = saved.values, .has_trained = saved.has_trained});
  stage_.see(SiteStarted{site_, life_->machine.incarnation(), &life_->machine});
}

void SimSite::show_up() {
  if (life_->has_trained) stage_.see(Joined{.site = site_, .step = life_->machine.step()});
  for (int p = 0; p < life_->machine.fragments(); ++p)
    stage_.see(Adopted{site_, static_cast<std::uint32_t>(p), life_->machine.base(p),
                       life_->values.base_digest(p),
                       /*is_known=*/true});
  say_hello();
}

void SimSite::say_hello() {
  life_->hello_s = stage_.now_s();
  send_to_shards(Hello{.incarnation = life_->machine.incarnation(), .heals = life_->lacks_state});
}

void SimSite::lose() {
  stage_.see(SiteLost{site_, &life_->machine});
  life_.reset();
  ++ticket_;
}

bool SimSite::has_joined() const {
  auto const& layout = stage_.layout();
  for (int shard = 0; shard < layout.shards; ++shard) {
    Node const node = layout.shard(shard);
    if (!life_->welcomed_by.contains(node) && !stage_.faults.is_gone(node)) return false;
  }
  return true;
}

bool SimSite::trains() const {
  auto const& machine = life_->machine;
  return has_joined() && machine.is_ready() && !machine.is_holding() && !machine.is_waiting();
}

void SimSite::plan_boundary(double time_s) {
  stage_.events.plan(time_s, Event::Kind::boundary, static_cast<std::uint32_t>(site_), ++ticket_);
}

double SimSite::step_time_s() {
  double const jitter = stage_.draws.real(0.95, 1.05);
  auto const own_s = stage_.scenario.step_s[static_cast<std::size_t>(site_)];
  return own_s * jitter * stage_.faults.slowdown(self());
}

// ---- what arrives ----

void SimSite::receive(Frame frame) {
  if (!life_ || life_->has_left) return;
  if (auto const* welcome = std::get_if<Welcome>(&frame.message)) {
    take_welcome(frame.from, *welcome);
  } else if (auto const* release = std::get_if<Release>(&frame.message)) {
    take_release(*release, std::move(frame.parcel));
  } else if (auto const* marker = std::get_if<Marker>(&frame.message)) {
    if (marker->id > std::exchange(life_->last_marker, std::max(life_->last_marker, marker->id)))
      life_->inbox.emplace_back(*marker);
  } else if (auto const* state = std::get_if<StateData>(&frame.message)) {
    life_->inbox.emplace_back(HeldState{*state, keep(std::move(frame.parcel))});
  } else {
    std::visit(
        [&](auto const& message) {
          if constexpr (std::is_constructible_v<SiteEvent, decltype(message)>)
            life_->inbox.emplace_back(message);
        },
        frame.message);
  }
  if (has_joined() && !life_->is_in_step) plan_boundary(stage_.now_s());
}

void SimSite::take_welcome(Node shard, Welcome const& welcome) {
  if (!welcome.refusal.empty()) return;
  life_->welcomed_by.insert(shard);
  for (auto const& each : welcome.seats) {
    if (welcome.donors.empty()) life_->without_donor.insert(each.seat);
  }
  int const seats = std::min(stage_.layout().shards, stage_.scenario.outer.fragments);
  if (std::ssize(life_->without_donor) == seats) life_->lacks_state = false;  // nobody has any
  life_->inbox.emplace_back(welcome);
}

PayloadHandle SimSite::keep(Parcel parcel) {
  life_->payloads[++life_->last_handle] = std::move(parcel);
  return life_->last_handle;
}

// As train/site_channel does: of a release that a newer one overtakes the fate is enough.
void SimSite::take_release(Release const& release, Parcel parcel) {
  for (auto& event : life_->inbox) {
    auto const* held = std::get_if<HeldRelease>(&event);
    if (!held || held->release.fragment != release.fragment || held->release.version >= release.version)
      continue;
    life_->payloads.erase(held->payload);
    event = FateNotice{release.fragment, held->release.fate};
  }
  bool const is_whole = make_whole(release, parcel);
  life_->inbox.emplace_back(HeldRelease{release, is_whole ? keep(std::move(parcel)) : 0});
}

// As train/release_chain does.
bool SimSite::make_whole(Release const& release, Parcel& parcel) {
  auto& [version, newest] = life_->newest[release.fragment];
  if (release.since) {
    if (!newest.bytes || version != *release.since) return false;
    auto const codec = codec_of(stage_.scenario.outer.release_codec);
    parcel.bytes =
        std::make_shared<std::vector<std::byte> const>(outer::moved(*newest.bytes, codec, *parcel.bytes));
  }
  if (!newest.bytes || release.version >= version) {
    version = release.version;
    newest = parcel;
  }
  return true;
}

// ---- boundaries ----

void SimSite::cross_boundary(std::uint64_t ticket) {
  if (ticket != ticket_ || !life_ || life_->has_left) return;
  if (stage_.faults.is_on(FaultKind::stall, self())) {
    overslept_ = true;
    return;
  }
  std::optional<StepDone> done;
  if (life_->is_in_step) {
    auto const step = life_->machine.step();
    if (!std::exchange(life_->has_trained, true)) {
      stage_.see(Joined{site_, step, life_->lacks_state, life_->values.is_at_base()});
      life_->values.begin(step);
    }
    life_->values.train(step);
    done = StepDone{.tokens = tokens_of(site_, step), .step_s = step_s_, .loss = life_->values.loss()};
  }
  // The donor that was asked may be gone: another hello brings another welcome, and that names another.
  bool const asks_again =
      life_->lacks_state && stage_.now_s() >= life_->hello_s + stage_.scenario.outer.dead_after_s;
  if (asks_again) say_hello();
  auto const events = take_events();
  for (auto const& action : life_->machine.on_boundary(done, events)) carry_out(action);
  stage_.see(Crossed{.site = site_,
                     .has_stepped = done.has_value(),
                     .tokens = done ? done->tokens : 0,
                     .loss = done ? done->loss : 0.0,
                     .step = life_->machine.step(),
                     .events = events,
                     .machine = &life_->machine,
                     .trains = trains(),
                     .lacks_state = life_->lacks_state,
                     .has_left = life_->has_left});
  if (life_->has_left) return;
  auto const interval = stage_.scenario.outer.interval_steps;
  if (done && life_->machine.step() % interval == 0) send_to_hub(Report{"a line of the metrics"});
  step_s_ = step_time_s();
  life_->is_in_step = trains();
  plan_boundary(stage_.now_s() + (life_->is_in_step ? step_s_ : heartbeat_s));
}

// What came after a marker must not be in the state that it asks for.
std::vector<SiteEvent> SimSite::take_events() {
  std::vector<SiteEvent> events;
  bool is_cut = false;
  while (!life_->inbox.empty() && !is_cut) {
    events.push_back(std::move(life_->inbox.front()));
    life_->inbox.pop_front();
    is_cut = std::holds_alternative<Marker>(events.back());
  }
  return events;
}

void SimSite::resume() {
  if (std::exchange(overslept_, false)) plan_boundary(stage_.now_s());
}

// ---- the machine's actions ----

void SimSite::carry_out(SiteAction const& action) {
  stage_.note(self(), action);
  if (auto const* taken = std::get_if<Adopt>(&action)) {
    adopt(*taken);
  } else if (auto const* moot = std::get_if<Discard>(&action)) {
    base::ensure(life_->payloads.erase(moot->payload) == 1, "a release is used or discarded once");
  } else if (auto const* known = std::get_if<Settled>(&action)) {
    life_->values.settle(static_cast<int>(known->fragment), known->advanced);
  } else if (auto const* asked = std::get_if<Contribute>(&action)) {
    contribute(*asked);
  } else if (auto const* progress = std::get_if<SendProgress>(&action)) {
    send_to_shards(progress->progress);
  } else if (auto const* held = std::get_if<SendHeld>(&action)) {
    send_to_hub(held->held);
  } else if (auto const* state = std::get_if<WriteState>(&action)) {
    write_state(state->save);
  } else if (auto const* told = std::get_if<TellShards>(&action)) {
    send_to_shards(told->message);
  } else if (auto const* send = std::get_if<SendToSite>(&action)) {
    stage_.send(self(), stage_.layout().site(send->site), send->message);
  } else if (auto const* give = std::get_if<GiveState>(&action)) {
    give_state(*give);
  } else if (auto const* moments = std::get_if<TakeState>(&action)) {
    take_state(*moments);
  } else if (auto const* record = std::get_if<Cut>(&action)) {
    cut(record->marker);
  } else {
    leave();
  }
}

void SimSite::adopt(Adopt const& adopt) {
  auto const fragment = static_cast<int>(adopt.fragment);
  auto const parcel = life_->payloads.extract(adopt.payload);
  base::ensure(!parcel.empty(), "a release is used or discarded once");
  life_->values.adopt(fragment, parcel.mapped(), adopt.rule, life_->machine.step());
  stage_.see(Adopted{site_, adopt.fragment, adopt.version, life_->values.base_digest(fragment)});
}

void SimSite::contribute(Contribute const& asked) {
  auto const& contribution = asked.contribution;
  Node const owner = stage_.layout().shard(asked.owner);
  float poison = 1.0f;
  if (stage_.draws.chance(stage_.faults.strength(FaultKind::poison, self(), owner)))
    poison = stage_.draws.among(stage_.scenario.outer.gate_z > 0 ? poisons : not_finite);
  auto parcel =
      life_->values.contribute(static_cast<int>(contribution.fragment), poison, life_->machine.step());
  stage_.see(Contributed{site_, &contribution, parcel.holds,
                         life_->values.left_over(static_cast<int>(contribution.fragment)), poison});
  stage_.send(self(), owner, contribution, std::move(parcel));
}

// Inner moments are not simulated: a byte for every parameter travels in their place.
void SimSite::give_state(GiveState const& give) {
  auto moments = std::make_shared<std::vector<std::byte> const>(stage_.problem.table().size());
  stage_.send(self(), stage_.layout().site(give.site), give.state, {std::move(moments), {}});
}

void SimSite::take_state(TakeState const& taken) {
  base::ensure(life_->payloads.erase(taken.payload) == 1, "a state is used or discarded once");
  life_->lacks_state = false;
}

void SimSite::write_state(Save const& save) {
  Saved saved{.id = save.id, .files = {}, .failure = ""};
  try {
    base::saved(life_->machine);
    saved.files.push_back({.name = stage_.layout().name(self()), .bytes = 1, .digest = {}});
  } catch (base::RuntimeFailure const& failure) {
    saved.failure = failure.what();
  }
  send_to_hub(saved);
}

void SimSite::cut(Marker marker) {
  stage_.vault.put(site_, SavedSite{base::saved(life_->machine), life_->values, life_->has_trained});
  for (bool const bulk : {false, true}) {
    marker.bulk = bulk;
    send_to_shards(marker);
  }
  send_to_hub(Saved{.id = marker.id, .files = {{stage_.layout().name(self()), 1, {}}}, .failure = ""});
}

void SimSite::leave() {
  life_->has_left = true;
  life_->payloads.clear();
  stage_.see(Left{site_, life_->machine.step(), life_->values.digest()});
  send_to_shards(Bye{});
}

void SimSite::send_to_shards(Message const& message) {
  auto const& layout = stage_.layout();
  for (int shard = 0; shard < layout.shards; ++shard) stage_.send(self(), layout.shard(shard), message);
}

void SimSite::send_to_hub(Message message) {
  stage_.send(self(), stage_.layout().shard(0), std::move(message));
}

}  // namespace atl::sim
