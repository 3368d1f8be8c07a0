#include "sim/sim_site.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/memory_archive.hpp"
#include "outer/codec.hpp"
#include "sim/machine_options.hpp"

namespace atl::sim {

using namespace protocol;

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

void SimSite::depart() {
  life_->departs = true;
  life_->inbox.emplace_back(Depart{});
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
  look();
}

void SimSite::look() {
  bool const is_here = life_ && !life_->has_left;
  if (is_here && has_joined() && !life_->is_in_step) plan_boundary(stage_.now_s());
}

void SimSite::take_welcome(Node shard, Welcome const& welcome) {
  if (!welcome.refusal.empty()) return;
  life_->welcomed_by.insert(shard);
  life_->inbox.emplace_back(welcome);
}

void SimSite::note_donors(std::span<SiteEvent const> events) {
  for (auto const& event : events) {
    auto const* welcome = std::get_if<Welcome>(&event);
    if (!welcome || !welcome->donors.empty()) continue;
    for (auto const& each : welcome->seats) life_->without_donor.insert(each.seat);
  }
  int const seats = std::min(stage_.layout().shards, stage_.scenario.outer.fragments);
  if (std::ssize(life_->without_donor) == seats) life_->lacks_state = false;  // nobody has any
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
  note_donors(events);
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

}  // namespace atl::sim
