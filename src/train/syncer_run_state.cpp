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
    auto const size = plan_.table.fragment(fragment).size;
    auto& group = fragments[fragment];
    if (!group) group = writer.group(fragment_name(fragment));
    group->write(site_name(member->site),
                 outer::decoded(plan_.codec, *held_.at(member->payload).payload, size, room));
  }
}

void SyncerRun::load(ResumePoint const& resume) {
  ShardFiles const files(resume);
  machine_.load(*files.machine(), base::now_s());
  if (!model_) return;
  auto const commits = [&](int p) { return machine_.version(static_cast<std::uint32_t>(p)).commits; };
  auto const held = machine_.held_members();
  for (auto const* member : held) {
    auto const fragment = static_cast<int>(member->contribution.fragment);
    std::vector<float> values(plan_.table.fragment(fragment).size);
    files.of(fragment)
        .group("payloads")
        ->group(fragment_name(fragment))
        ->read(site_name(member->site), values);
    held_[member->payload] = {
        std::make_shared<std::vector<std::byte> const>(outer::encode(plan_.codec, values)), 0};
    last_handle_ = std::max(last_handle_, member->payload);
  }
  for (int p = shard_; p < plan_.table.fragments(); p += plan_.config.syncer.ranks) {
    model_->load(p, files.of(p), commits(p));
    report(to_json(
        RestoredLine{.step = resume.step, .fragment = p, .version = commits(p), .theta = model_->digest(p)}));
  }
}

}  // namespace atl::train
