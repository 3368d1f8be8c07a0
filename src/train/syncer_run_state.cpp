// How a shard's state goes into checkpoints and comes back, to other numbers of shards too.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "deck/deck.hpp"
#include "outer/codec.hpp"
#include "train/syncer_run.hpp"

namespace atl::train {

namespace {

std::string fragment_name(int fragment) { return fmt::format("fragment_{}", fragment); }
std::string site_name(int site) { return fmt::format("site_{}", site); }

}  // namespace

void SyncerRun::write_state(protocol::Save const& save) {
  Trace::Span const span(trace_, Work::checkpoint, save.step);
  if (tape_) tape_->flush();
  answer_hub(save_state(folder_, save, shard_file(shard_), [&](base::Writer& writer) {
    machine_.save(*writer.group("syncer_machine"));
    if (!model_) return;
    model_->save(writer);
    save_payloads(*writer.group("payloads"));
  }));
}

// Of the rounds that rest leaves open, and of carried contributions.
void SyncerRun::save_payloads(base::Writer& writer) const {
  std::map<int, std::unique_ptr<base::Writer>> fragments;
  std::vector<float> room;
  for (auto const* member : machine_.held_members()) {
    auto const fragment = static_cast<int>(member->contribution.fragment);
    auto& group = fragments[fragment];
    if (!group) group = writer.group(fragment_name(fragment));
    group->write(site_name(member->site),
                 outer::decoded(plan_.codec, *held_.at(member->payload).payload, room));
  }
}

transport::Payload SyncerRun::load_payload(RunPlan const& plan, ShardFiles const& files, int site,
                                           int fragment) {
  std::vector<float> values(plan.table.fragment(fragment).size);
  files.of(fragment).group("payloads")->group(fragment_name(fragment))->read(site_name(site), values);
  return std::make_shared<std::vector<std::byte> const>(outer::encode(plan.codec, values));
}

void SyncerRun::load(ResumePoint const& resume) {
  ShardFiles const files(resume);
  machine_.load(*files.machine(), base::now_s());
  if (!model_) return;
  model_->load(files, [&](int p) { return machine_.version(static_cast<std::uint32_t>(p)).commits; });

  auto const held = machine_.held_members();
  for (auto const* member : held) {
    auto const fragment = static_cast<int>(member->contribution.fragment);
    held_[member->payload] = {load_payload(plan_, files, member->site, fragment),
                              0,
                              {static_cast<std::uint32_t>(member->site), member->contribution}};
    last_handle_ = std::max(last_handle_, member->payload);
  }
  for (int p = shard_; p < plan_.table.fragments(); p += plan_.config.syncer.ranks) {
    report(to_json(RestoredLine{.step = resume.step,
                                .fragment = p,
                                .version = machine_.version(static_cast<std::uint32_t>(p)).commits,
                                .theta = model_->digest(p)}));
  }
}

void SyncerRun::tape_start(protocol::TapedStart start) {
  start.kind = protocol::Participant::Kind::shard;
  start.index = static_cast<std::uint32_t>(shard_);
  for (auto const* member : machine_.held_members())
    start.held.push_back({static_cast<std::uint32_t>(member->site), member->contribution});
  tape_->put(start);
  for (int p = shard_; model_ && p < plan_.table.fragments(); p += plan_.config.syncer.ranks)
    tape_->put(model_->taped(p, machine_.version(static_cast<std::uint32_t>(p))));
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
  tape_->put(taped);
  tape_->flush();
}

}  // namespace atl::train
