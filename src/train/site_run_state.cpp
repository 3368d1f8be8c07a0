// What a site does to its replica, and how its state goes into checkpoints and comes back.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "base/memory_archive.hpp"
#include "train/initial_model.hpp"
#include "train/model_archive.hpp"
#include "train/site_run.hpp"

namespace atl::train {

namespace {

std::vector<tensor::Tensor const*> pointers_to(std::span<tensor::Tensor const> tensors) {
  std::vector<tensor::Tensor const*> pointers;
  for (auto const& tensor : tensors) pointers.push_back(&tensor);
  return pointers;
}

}  // namespace

void SiteRun::initialize_parameters() {
  InitialModel const initial(plan_);
  auto const parameters = replica_.parameters();
  auto const tensors = plan_.table.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i)
    initial.fill(i, std::span(parameters.data() + tensors[i].range.offset, tensors[i].size()));
}

void SiteRun::adopt(protocol::Adopt const& adopt) {
  Trace::Span const span(trace_, Work::adopt, adopt.fragment);
  auto const fragment = static_cast<int>(adopt.fragment);
  if (site_.size() == 1) {
    replica_.adopt(fragment, *channel_->payload(adopt.payload), adopt.rule);
  } else {
    // MPI's broadcast wants a buffer that it may write to, and the leader's payload is const.
    std::vector<std::byte> bytes(replica_.release_bytes(fragment));
    if (channel_) bytes = *channel_->payload(adopt.payload);
    site_.broadcast(bytes, 0);
    replica_.adopt(fragment, bytes, adopt.rule);
  }
  if (channel_) channel_->discard(adopt.payload);
  if (!tape_) return;
  auto const range = plan_.table.fragment(fragment);
  std::span<float const> const base(replica_.outer_parameters().data() + range.offset, range.size);
  tape_->put(protocol::TapedBase{adopt.fragment, adopt.version, base::digest_of(base)});
}

void SiteRun::contribute(protocol::Contribute const& asked) {
  Trace::Span const span(trace_, Work::contribute, asked.contribution.fragment);
  auto const fragment = static_cast<int>(asked.contribution.fragment);
  if (channel_) {
    if (tape_) tape_->flush();
    auto coded = std::make_shared<std::vector<std::byte> const>(replica_.outer_gradient(fragment));
    channel_->contribute(asked, std::move(coded));
  }
  replica_.take_snapshot(fragment);
}

void SiteRun::write_state(protocol::Save const& save) {
  Trace::Span const span(trace_, Work::checkpoint, save.step);
  if (tape_) tape_parameters();
  if (is_replay_) return;
  auto saved = gather_saved(site_, save_own_state(save));
  if (channel_) channel_->send_to_hub(std::move(saved));
}

protocol::Saved SiteRun::save_own_state(protocol::Save const& save) const {
  if (!inner_.has_own_state()) return {.id = save.id, .files = {}, .failure = ""};
  return save_state(folder_, save, site_file(number_, site_.rank()), [&](base::Writer& writer) {
    inner_.save_optimizer(*writer.group("inner_optimizer"));
    if (!channel_) return;
    machine_.save(*writer.group("site_machine"));
    save_parameters(writer);
    inner_.save_cursor(*writer.group("stream"));
    writer.write("tokens", tokens_);
    writer.write("evaluation_due", std::uint64_t{evaluation_due_});
  });
}

// Of the state the incarnation is the set's: loading raises it, here and where the tape is followed.
void SiteRun::tape_start(protocol::TapedStart start) {
  start.kind = protocol::Participant::Kind::site;
  start.index = static_cast<std::uint32_t>(number_);
  start.data = corpus_.digest();
  start.incarnation = machine_.incarnation();
  start.step = machine_.step();
  start.cursor = inner_.cursor();
  if (machine_.incarnation() > 1) {
    start.state = base::saved(machine_);
    start.state["incarnation"] = machine_.incarnation() - 1;
  }
  tape_->put(start);
  tape_->flush();
}

void SiteRun::tape_parameters() {
  auto const parameters = replica_.parameters();
  tape_->put(protocol::TapedParameters{
      machine_.step(), inner_.cursor(),
      base::digest_of(std::span<float const>(parameters.data(), parameters.size()))});
  tape_->flush();
}

// Where nothing is exchanged the site's parameters are the model, and stand in the file as the shards' do: by
// name.
void SiteRun::save_parameters(base::Writer& writer) const {
  if (has_outer_exchange(plan_.config)) return replica_.save(*writer.group("replica"));
  auto const parameters = replica_.parameters();
  save_tensors(*writer.group("model"), pointers_to(plan_.table.tensors()), 0,
               {parameters.data(), parameters.size()});
}

void SiteRun::load_parameters(base::Reader const& reader) {
  if (has_outer_exchange(plan_.config)) return replica_.load(*reader.group("replica"));
  auto const parameters = replica_.parameters();
  load_tensors(*reader.group("model"), pointers_to(plan_.table.tensors()), 0,
               {parameters.data(), parameters.size()});
}

// A site that was not there yet takes step, moments and cursor from site 0, and its parameters from the
// shards.
void SiteRun::load(ResumePoint const& resume) {
  bool const is_new = number_ >= resume.sites();
  std::vector<checkpoint::FileReader> files;
  std::vector<std::unique_ptr<base::Reader>> moments;
  for (auto const& name : resume.site_files(is_new ? 0 : number_)) {
    files.push_back(resume.open(name));
    moments.push_back(files.back().root().group("inner_optimizer"));
  }
  inner_.load_optimizer(moments);

  auto const& root = files.front().root();
  auto const machine = root.group("site_machine");
  if (is_new) {
    inner_.take_cursor(*root.group("stream"));
    machine_.start_at(machine->read_uint("step"));
  } else {
    inner_.load_cursor(*root.group("stream"));
    machine_.load(*machine);
    load_parameters(root);
    tokens_ = root.read_uint("tokens");
    evaluation_due_ = validation_ && root.read_uint("evaluation_due") != 0;
  }
}

}  // namespace atl::train
