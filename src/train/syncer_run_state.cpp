// How a shard's state goes into checkpoints and comes back, to other numbers of shards too.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "deck/deck.hpp"
#include "outer/codec.hpp"
#include "protocol/saved_state.hpp"
#include "train/peers.hpp"
#include "train/syncer_run.hpp"

namespace atl::train {

namespace {

std::string fragment_name(int fragment) { return fmt::format("fragment_{}", fragment); }
// A carried one may stand beside a fresh one of its site.
std::string payload_name(int site, std::uint64_t round) {
  return fmt::format("site_{}_round_{}", site, round);
}

}  // namespace

void SyncerRun::write_state(protocol::Save const& save) {
  Trace::Span const span(trace_, Work::checkpoint, save.step);
  if (tape_) tape_->flush();
  end_cut();  // one that is still open was given up
  states_.begin(save, shard_file(shard_));
  states_.record([this](base::Writer& writer) { record_machine_and_model(writer); });
  end_state();  // nothing is on its way, at rest
}

void SyncerRun::end_state() {
  states_.record([this](base::Writer& writer) { save_in_flight(*writer.group("in_flight")); });
  states_.start_writing();
}

void SyncerRun::record_machine_and_model(base::Writer& writer) const {
  std::vector<std::uint64_t> owned;
  for (int p = 0; p < plan_.table.fragments(); ++p) {
    if (machine_.owns(static_cast<std::uint32_t>(p))) owned.push_back(static_cast<std::uint64_t>(p));
  }
  writer.write("fragments", std::span<std::uint64_t const>(owned));
  machine_.save(*writer.group("syncer_machine"));
  if (!model_) return;
  model_->save(writer);
  save_payloads(*writer.group("payloads"));
}

// The state is copied at once, and what was on its way when the last site's marker has come.
void SyncerRun::on_marker(protocol::Marker const& marker) {
  std::set<int> sites;
  for (int site = 0; model_ && site < effective_sites(plan_.config); ++site) sites.insert(site);
  if (!cut_.begin(marker, std::move(sites))) return;
  Trace::Span const span(trace_, Work::checkpoint, marker.step);
  in_flight_.clear();  // of one that was given up
  pass_on(marker);
  states_.begin({.id = marker.id, .step = marker.step}, shard_file(shard_));
  states_.record([this](base::Writer& writer) { record_machine_and_model(writer); });
}

void SyncerRun::pass_on(protocol::Marker marker) {
  for (bool const bulk : {false, true}) {
    marker.bulk = bulk;
    for (int site = 0; site < effective_sites(plan_.config); ++site)
      transport_.send(site_peer(site), marker, marker_payload(marker));
    for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard) {
      if (shard != shard_) transport_.send(shard_peer(shard), marker, marker_payload(marker));
    }
  }
}

// Nothing more comes from the life of this site that the cut was begun with.
void SyncerRun::strike_off(int site) {
  cut_.strike_off(site);
  close_cut_if_complete();
}

void SyncerRun::close_cut_if_complete() {
  if (!cut_.is_complete()) return;
  end_state();
  end_cut();
}

void SyncerRun::end_cut() {
  cut_.close();
  in_flight_.clear();
}

void SyncerRun::save_in_flight(base::Writer& writer) const {
  writer.write("count", std::uint64_t{in_flight_.size()});
  std::vector<float> room;
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    auto const& [site, c, payload] = in_flight_[i];
    auto const group = writer.group(fmt::format("contribution_{}", i));
    group->write("numbers", std::array<std::uint64_t, 9>{static_cast<std::uint64_t>(site), c.fragment,
                                                         c.round, c.incarnation, c.base.term, c.base.commits,
                                                         c.step, c.work.steps, c.work.tokens});
    auto const size = plan_.table.fragment(static_cast<int>(c.fragment)).size;
    group->write("values", outer::decoded(plan_.codec, *payload, size, room));
  }
}

// Where the shards are as many, or not, as when it was written: each fragment's from whoever owned it.
std::vector<SyncerRun::InFlight> SyncerRun::in_flight_of(RunPlan const& plan, ResumePoint const& resume,
                                                         int shard) {
  std::vector<InFlight> in_flight;
  ShardFiles const files(resume);
  for (auto const& file : files.all()) {
    auto const group = file.root().group("in_flight");
    std::uint64_t const count = group->read_uint("count");
    for (std::uint64_t i = 0; i < count; ++i) {
      auto const each = group->group(fmt::format("contribution_{}", i));
      auto const n = protocol::read_numbers<9>(*each, "numbers");
      protocol::Contribution const contribution{.fragment = static_cast<std::uint32_t>(n[1]),
                                                .round = n[2],
                                                .incarnation = n[3],
                                                .base = {n[4], n[5]},
                                                .step = n[6],
                                                .work = {n[7], n[8]}};
      bool const is_mine = n[0] < static_cast<std::uint64_t>(effective_sites(plan.config)) &&
                           n[1] < static_cast<std::uint64_t>(plan.table.fragments()) &&
                           static_cast<int>(n[1]) % plan.config.syncer.ranks == shard;
      if (!is_mine) continue;
      std::vector<float> values(plan.table.fragment(static_cast<int>(n[1])).size);
      each->read("values", values);
      in_flight.push_back(
          {static_cast<int>(n[0]), contribution,
           std::make_shared<std::vector<std::byte> const>(outer::encode(plan.codec, values))});
    }
  }
  return in_flight;
}

void SyncerRun::load_in_flight(ResumePoint const& resume) {
  std::vector<float> room;
  for (auto const& [site, sent, payload] : in_flight_of(plan_, resume, shard_)) {
    auto const handle = ++last_handle_;
    auto const size = plan_.table.fragment(static_cast<int>(sent.fragment)).size;
    auto const delta = outer::decoded(plan_.codec, *payload, size, room);
    auto const contribution = machine_.put_in_flight(
        site, sent, {.payload = handle, .finite = outer::is_finite(delta), .norm = outer::norm(delta)});
    held_[handle] = {payload, 0, {static_cast<std::uint32_t>(site), contribution}};
    begun_in_flight_.push_back(held_[handle].from);
  }
}

// Of the rounds that rest leaves open, and of carried contributions.
void SyncerRun::save_payloads(base::Writer& writer) const {
  std::map<int, std::unique_ptr<base::Writer>> fragments;
  std::vector<float> room;
  for (auto const* member : machine_.held_members()) {
    auto const fragment = static_cast<int>(member->contribution.fragment);
    auto const size = plan_.table.fragment(fragment).size;
    auto& group = fragments[fragment];
    if (!group) group = writer.group(fragment_name(fragment));
    group->write(payload_name(member->site, protocol::without_term(member->contribution.round)),
                 outer::decoded(plan_.codec, *held_.at(member->payload).payload, size, room));
  }
}

transport::Payload SyncerRun::load_payload(RunPlan const& plan, ShardFiles const& files, int site,
                                           protocol::Contribution const& contribution) {
  auto const fragment = static_cast<int>(contribution.fragment);
  std::vector<float> values(plan.table.fragment(fragment).size);
  auto const group = files.of(fragment).group("payloads")->group(fragment_name(fragment));
  group->read(payload_name(site, contribution.round), values);
  return std::make_shared<std::vector<std::byte> const>(outer::encode(plan.codec, values));
}

void SyncerRun::load(ResumePoint const& resume) {
  ShardFiles const files(resume);
  machine_.load(*files.machine(), base::now_s());
  if (!model_) return;
  auto const commits = [&](int p) { return machine_.version(static_cast<std::uint32_t>(p)).commits; };
  auto const held = machine_.held_members();
  for (auto const* member : held) {
    held_[member->payload] = {load_payload(plan_, files, member->site, member->contribution),
                              0,
                              {static_cast<std::uint32_t>(member->site), member->contribution}};
    last_handle_ = std::max(last_handle_, member->payload);
  }
  load_in_flight(resume);
  for (int p = shard_; p < plan_.table.fragments(); p += plan_.config.syncer.ranks) {
    model_->load(p, files.of(p), commits(p));
    report(to_json(
        RestoredLine{.step = resume.step, .fragment = p, .version = commits(p), .theta = model_->digest(p)}));
  }
}

void SyncerRun::tape_start(protocol::TapedStart start) {
  start.kind = protocol::Participant::Kind::shard;
  start.index = static_cast<std::uint32_t>(shard_);
  for (auto const* member : machine_.held_members())
    start.held.push_back({static_cast<std::uint32_t>(member->site), member->contribution});
  start.in_flight = begun_in_flight_;
  tape_->put(start);
  for (int p = shard_; model_ && p < plan_.table.fragments(); p += plan_.config.syncer.ranks) {
    auto const fragment = static_cast<std::uint32_t>(p);
    taped_[fragment] = machine_.version(fragment);
    tape_->put(model_->taped(p, taped_[fragment]));
  }
  tape_->flush();
}

// Before its release leaves: what a site adopts stands on the shard's tape.
void SyncerRun::tape_commit(protocol::Commit const& commit) {
  protocol::TapedCommit taped{.round = commit.round,
                              .members = {},
                              .absent = {},
                              .made = model_->taped(static_cast<int>(commit.fragment), commit.version)};
  for (auto const& member : commit.members) {
    taped.members.push_back({.from = {static_cast<std::uint32_t>(member.site), member.contribution},
                             .weight = member.weight,
                             .staleness = member.staleness,
                             .rounds_late = member.rounds_late});
  }
  for (int const site : commit.absent)
    taped.absent.push_back({static_cast<std::uint32_t>(site), !machine_.is_live(site)});
  taped_[commit.fragment] = commit.version;
  tape_->put(taped);
  tape_->flush();
}

}  // namespace atl::train
