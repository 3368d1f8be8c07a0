// What a site does of what its machine says.
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/memory_archive.hpp"
#include "sim/sim_site.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

// What every value of a poisoned contribution is multiplied with.
std::vector<float> const not_finite{std::numeric_limits<float>::quiet_NaN(),
                                    std::numeric_limits<float>::infinity()};
std::vector<float> const poisons{not_finite[0], not_finite[1], 1000.0f};

}  // namespace

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
