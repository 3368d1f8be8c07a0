// What a site does to its replica, and how its state goes into checkpoints and comes back.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <vector>

#include "base/memory_archive.hpp"
#include "kernels/region.hpp"
#include "outer/codec.hpp"
#include "protocol/saved_state.hpp"
#include "train/initial_model.hpp"
#include "train/machine_options.hpp"
#include "train/metrics.hpp"
#include "train/model_archive.hpp"
#include "train/profile.hpp"
#include "train/shared_moments.hpp"
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
  auto const tensors = plan_.table.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i)
    replica_.change(tensors[i].range, [&](auto values) { initial.fill(i, values); });
}

void SiteRun::adopt(protocol::Adopt const& adopt) {
  Trace::Span const span(trace_, Work::adopt, adopt.fragment);
  kernels::Region const named("adoption of releases");
  states_.before_change();
  auto const fragment = static_cast<int>(adopt.fragment);
  auto const payload = relay_.payload(adopt.payload, adopt.fragment, channel_.get());
  replica_.adopt(fragment, arrivals_.bring(adopt.payload, adopt.fragment, payload), adopt.rule);
  if (tape_) tape_->put(protocol::TapedBase{adopt.fragment, adopt.version, arrivals_.digest(adopt.payload)});
  discard(adopt.payload);
}

void SiteRun::discard(protocol::PayloadHandle payload) {
  arrivals_.discard(payload);
  relay_.discard(payload);
  if (channel_) channel_->discard(payload);
}

void SiteRun::contribute(protocol::Contribute const& asked) {
  Trace::Span const span(trace_, Work::contribute, asked.contribution.fragment);
  kernels::Region const named("coding of contributions");
  states_.before_change();
  auto const fragment = static_cast<int>(asked.contribution.fragment);
  if (channel_) {
    if (tape_) tape_->flush();
    departures_.add(asked, [&](kernels::Staging& out) { replica_.outer_gradient(fragment, out); });
    departures_.pass_on(*channel_);
  }
  replica_.take_snapshot(fragment);
}

// As far in its text as it is in its steps: what another life may have trained on and not told is passed
// over.
void SiteRun::begin_training_again() {
  began_training_at_ = crossed_;
  inner_->seek(machine_.step());
  tokens_ = machine_.step() * static_cast<std::uint64_t>(site_batch(plan_.config)) *
            static_cast<std::uint64_t>(plan_.config.model.context);
  report(to_json(ReturnLine{.time_s = elapsed_s(),
                            .site = number_,
                            .step = machine_.step(),
                            .incarnation = machine_.incarnation()}));
}

void SiteRun::give_state(protocol::GiveState const& give) {
  auto state = gather_moments(site_, *inner_);
  if (tape_) tape_->flush();
  if (channel_) channel_->send_to_site(give.site, give.state, std::move(state));
}

void SiteRun::take_state(protocol::TakeState const& taken) {
  states_.before_change();
  auto const state = channel_ ? channel_->take_state(taken.payload) : nullptr;
  spread_moments(site_, state, *inner_);
}

void SiteRun::begin_state(protocol::Save const& save, checkpoint::Standing standing) {
  Trace::Span const span(trace_, Work::checkpoint, save.step);
  if (tape_) tape_parameters();
  if (replayed_) return;
  states_.begin(save, site_file(number_, site_.rank()), standing);
  if (channel_ || inner_->has_own_state())
    states_.record([this](base::Writer& writer) { record_own_state(writer); });
  if (!channel_) states_.start_writing();
}

void SiteRun::record_own_state(base::Writer& writer) const {
  inner_->save_optimizer(*writer.group("inner_optimizer"));
  if (!channel_) return;
  machine_.save(*writer.group("site_machine"));
  save_parameters(writer);
  inner_->save_cursor(*writer.group("stream"));
  writer.write("tokens", tokens_);
  writer.write("evaluation_due", std::uint64_t{evaluation_due_});
}

void SiteRun::end_state(std::span<SiteChannel::Waiting const> on_its_way) {
  if (!channel_ || !states_.is_recording()) return;
  states_.record([&](base::Writer& writer) {
    auto const group = writer.group("on_its_way");
    group->write("count", std::uint64_t{on_its_way.size()});
    std::vector<float> room;
    for (std::size_t i = 0; i < on_its_way.size(); ++i) {
      auto const& [fragment, version, theta, marker] = on_its_way[i];
      auto const release = group->group(fmt::format("release_{}", i));
      release->write("numbers", std::array<std::uint64_t, 3>{fragment, version.term, version.commits});
      auto const size = plan_.table.fragment(static_cast<int>(fragment)).size;
      release->write("theta", outer::decoded(plan_.release_codec, *theta, size, room));
    }
  });
  states_.start_writing();
}

// All ranks of a site open a state and have it answered at the same boundaries.
void SiteRun::attend_to_state() {
  if (channel_ && states_.is_recording()) {
    if (auto const on_its_way = channel_->take_on_its_way()) end_state(*on_its_way);
  }
  if (!states_.is_open()) return;
  if (auto saved = poll_written(site_, states_); saved && channel_) channel_->send_to_hub(*std::move(saved));
}

std::vector<SiteChannel::Waiting> SiteRun::on_its_way_to(RunPlan const& plan, ResumePoint const& set,
                                                         int site) {
  auto const file = set.open(site_file(site, 0));
  auto const group = file.root().group("on_its_way");
  std::uint64_t const count = group->read_uint("count");
  std::vector<SiteChannel::Waiting> all;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto const release = group->group(fmt::format("release_{}", i));
    auto const [fragment, term, commits] = protocol::read_numbers<3>(*release, "numbers");
    if (fragment >= static_cast<std::uint64_t>(plan.table.fragments()))
      protocol::refuse_state("a release is of no fragment");
    std::vector<float> theta(plan.table.fragment(static_cast<int>(fragment)).size);
    release->read("theta", theta);
    all.push_back({static_cast<std::uint32_t>(fragment),
                   {term, commits},
                   std::make_shared<std::vector<std::byte> const>(outer::encode(plan.release_codec, theta)),
                   0});
  }
  return all;
}

// Of the state the incarnation is the set's: loading raises it, here and where the tape is followed.
void SiteRun::tape_start(protocol::TapedStart start) {
  start.kind = protocol::Participant::Kind::site;
  start.index = static_cast<std::uint32_t>(number_);
  start.data = corpus_.digest();
  start.incarnation = machine_.incarnation();
  start.step = machine_.step();
  start.cursor = inner_->cursor();
  start.heals = is_returning_;
  if (machine_.incarnation() > 1 && machine_.is_ready()) {
    start.state = base::saved(machine_);
    start.state["incarnation"] = machine_.incarnation() - 1;
  }
  tape_->put(start);
  tape_ranks();
}

void SiteRun::tape_ranks() {
  if (site_.size() < world_.layout.site_size(number_))
    tape_->put(protocol::TapedRanks{static_cast<std::uint64_t>(site_.size())});
  tape_->flush();
}

void SiteRun::tape_parameters() {
  tape_->put(
      protocol::TapedParameters{machine_.step(), inner_->cursor(), base::digest_of(replica_.values())});
  tape_->flush();
}

// Where nothing is exchanged the site's parameters are the model, and stand in the file as the shards' do: by
// name.
void SiteRun::save_parameters(base::Writer& writer) const {
  if (has_outer_exchange(plan_.config)) return replica_.save(*writer.group("replica"));
  auto const values = replica_.values();
  auto const model = writer.group("model");
  for (auto const& tensor : plan_.table.tensors()) {
    model->write_as_they_are(tensor.name, values.subspan(tensor.range.offset, tensor.size()),
                             kernels::is_host_memory);
  }
}

void SiteRun::load_parameters(base::Reader const& reader) {
  if (has_outer_exchange(plan_.config)) return replica_.load(*reader.group("replica"));
  replica_.change({0, plan_.table.size()}, [&](auto values) {
    load_tensors(*reader.group("model"), pointers_to(plan_.table.tensors()), 0, values);
  });
}

// A site that was not there takes step, moments and cursor from the first that was, and its parameters from
// the shards.
void SiteRun::load(ResumePoint const& resume) {
  auto const was_there = [&](int site) { return site < resume.sites() && resume.has(site_file(site, 0)); };
  bool const is_new = !was_there(number_);
  int from = number_;
  if (is_new) {
    for (from = 0; !was_there(from);) ++from;
  }
  std::vector<checkpoint::FileReader> files;
  std::vector<std::unique_ptr<base::Reader>> moments;
  for (auto const& name : resume.site_files(from)) {
    files.push_back(resume.open(name));
    moments.push_back(files.back().root().group("inner_optimizer"));
  }
  inner_->load_optimizer(moments);

  auto const& root = files.front().root();
  auto const machine = root.group("site_machine");
  if (is_new) {
    inner_->take_cursor(*root.group("stream"));
    auto options = site_options(plan_.config, number_);
    auto const lives = ShardFiles(resume).machine()->read_uints("incarnations");
    if (number_ < std::ssize(lives)) options.incarnation = lives[static_cast<std::size_t>(number_)] + 1;
    machine_ = protocol::SiteMachine(options);
    machine_.start_at(machine->read_uint("step"));
  } else {
    inner_->load_cursor(*root.group("stream"));
    machine_.load(*machine);
    load_parameters(root);
    tokens_ = root.read_uint("tokens");
    evaluation_due_ = validation_ && root.read_uint("evaluation_due") != 0;
  }
}

}  // namespace atl::train
