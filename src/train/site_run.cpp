#include "train/site_run.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/stop_flag.hpp"
#include "deck/deck.hpp"
#include "model/initialize.hpp"
#include "optim/clip.hpp"
#include "optim/lr_schedule.hpp"
#include "train/channel.hpp"
#include "train/evaluation.hpp"
#include "train/metrics.hpp"
#include "train/model_archive.hpp"

namespace atl::train {

namespace {

// How long a site that stands still sleeps before it looks for events again and reports that it lives.
constexpr double idle_wait_s = 0.25;

int rank_sequences(RunPlan const& plan, comm::Communicator const& site) {
  return site_batch(plan.config) / site.size();
}

protocol::SiteMachine::Options machine_options(deck::RunConfig const& config) {
  bool const exchanges = has_outer_exchange(config);
  return {.fragments = exchanges ? config.outer.fragments : 0,
          .incarnation = 1,
          .receive = config.outer.receive,
          .in_flight = config.outer.in_flight,
          .last_step = exchanges ? 0 : config.run.steps};
}

data::StreamOptions stream_options(RunPlan const& plan, comm::World const& world) {
  int const sequences = rank_sequences(plan, world.site);
  return {.file = plan.dataset.train_file(),
          .vocab = plan.dataset.vocab(),
          .seed = plan.config.run.seed,
          .site = world.here.group,
          .sites = effective_sites(plan.config),
          .batch_sequences = site_batch(plan.config),
          .first_sequence = world.here.rank * sequences,
          .sequences = sequences,
          .context = plan.config.model.context};
}

std::vector<tensor::Tensor const*> pointers_to(std::span<tensor::Tensor const> tensors) {
  std::vector<tensor::Tensor const*> pointers;
  for (auto const& tensor : tensors) pointers.push_back(&tensor);
  return pointers;
}

}  // namespace

SiteRun::SiteRun(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                 comm::World const& world, transport::Transport* transport, double start_s)
    : plan_(plan),
      folder_(folder),
      number_(world.here.group),
      site_(world.site),
      transport_(transport),
      start_s_(start_s),
      replica_(plan.table, has_outer_exchange(plan.config),
               plan.config.outer.receive == deck::Receive::rebase),
      model_(exec_, plan.config.model, plan.table, rank_sequences(plan, world.site)),
      optimizer_(exec_, plan.config.inner, plan.table),
      stream_(stream_options(plan, world)),
      machine_(machine_options(plan.config)) {
  if (number_ == 0) {
    validation_.emplace(data::ValidationOptions{.file = plan.dataset.validation_file(),
                                                .vocab = plan.dataset.vocab(),
                                                .sequences = plan.config.inner.batch,
                                                .context = plan.config.model.context,
                                                .batches = plan.config.eval.batches});
  }
  if (!has_outer_exchange(plan.config)) initialize_parameters();
  if (resume) load(*resume);
}

base::ExitCode SiteRun::run() {
  join();
  last_record_s_ = base::now_s();
  while (!has_left_) {
    if (machine_.is_ready() && !machine_.is_holding()) {
      training_step();
    } else {
      idle_boundary();
    }
  }
  bool const finished = purpose_ == protocol::Purpose::finish;
  if (finished && number_ == 0) evaluate_outer_parameters(/*is_final=*/true);
  say_goodbye();
  return finished ? base::ExitCode::done : base::ExitCode::stopped_resumable;
}

void SiteRun::training_step() {
  auto const share = compute_gradients();
  collect_events();
  auto const record = exchange_record(site_, share, events_, /*idle=*/false);
  if (!std::isfinite(record.loss) || !std::isfinite(record.grad_norm)) {
    throw base::RuntimeFailure(
        fmt::format("the loss of step {} is {} and its gradient norm {}; lower inner.lr, or clip with "
                    "inner.clip_norm",
                    machine_.step() + 1, record.loss, record.grad_norm));
  }
  update_parameters(record);
  tokens_ += record.tokens;
  cross_boundary(protocol::StepDone{record.tokens, record.step_s, record.loss, record.stop_requested},
                 record);
  report_step(record);
  evaluate_if_due();
}

RankShare SiteRun::compute_gradients() {
  auto const batch = stream_.next();
  double const site_targets = static_cast<double>(site_batch(plan_.config)) * batch.context;
  auto const loss =
      model_.forward_backward({batch.tokens, batch.targets, batch.sequences, batch.context},
                              replica_.parameters(), 1.0 / site_targets, replica_.gradients(), {});
  exec_.fence();
  auto const gradients = replica_.gradients();
  site_.sum(std::span(gradients.data(), gradients.size()), plan_.config.run.deterministic);

  // The sum is the same on every rank, so each measures its own slice of it.
  auto const ranks = static_cast<std::size_t>(site_.size());
  auto const rank = static_cast<std::size_t>(site_.rank());
  auto const begin = gradients.size() * rank / ranks;
  auto const end = gradients.size() * (rank + 1) / ranks;
  RankShare share{
      .loss_sum = loss.sum,
      .squared_norm = optim::squared_norm(exec_, kernels::range<float const>(gradients, begin, end - begin)),
      .targets = loss.targets,
      .stop_requested = base::stop_requested()};
  pace();
  double const now_s = base::now_s();
  share.step_s = now_s - std::exchange(last_record_s_, now_s);
  return share;
}

void SiteRun::pace() {
  double const early_s = last_record_s_ + plan_.config.sites.step_floor_s - base::now_s();
  if (early_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(early_s));
}

void SiteRun::update_parameters(Record const& record) {
  last_lr_ = optim::learning_rate(plan_.config.inner, plan_.config.run.steps, machine_.step() + 1);
  optimizer_.step(replica_.parameters(), replica_.gradients(), last_lr_,
                  optim::clip_factor(record.grad_norm, plan_.config.inner.clip_norm));
  exec_.fence();
}

void SiteRun::cross_boundary(std::optional<protocol::StepDone> const& done, Record const& record) {
  stop_requested_ = record.stop_requested;
  for (auto const& event : record.events) {
    if (auto const* hold = std::get_if<protocol::Hold>(&event)) purpose_ = hold->purpose;
  }
  for (auto const& action : machine_.on_boundary(done, record.events)) carry_out(action);
}

void SiteRun::report_step(Record const& record) {
  double const steady_s = record.step_s > 0 ? record.step_s : 1.0;
  report(to_json(StepLine{.time_s = base::now_s() - start_s_,
                          .site = number_,
                          .step = machine_.step(),
                          .loss = record.loss,
                          .lr = last_lr_,
                          .grad_norm = record.grad_norm,
                          .tokens = tokens_,
                          .step_s = record.step_s,
                          .tokens_per_s = static_cast<double>(record.tokens) / steady_s}));
}

void SiteRun::evaluate_if_due() {
  auto const every = plan_.config.eval.every_steps;
  if (number_ != 0 || every == 0 || machine_.step() % every != 0 || machine_.step() >= plan_.config.run.steps)
    return;
  double const begin_s = base::now_s();
  evaluate_outer_parameters(/*is_final=*/false);
  last_record_s_ += base::now_s() - begin_s;  // evaluation is no part of a step
}

void SiteRun::idle_boundary() {
  if (is_leader()) {
    if (events_.empty()) transport_->wait(idle_wait_s);
    collect_events();
  }
  RankShare const nothing{.stop_requested = base::stop_requested()};
  cross_boundary(std::nullopt, exchange_record(site_, nothing, events_, /*idle=*/true));
  last_record_s_ = base::now_s();
}

void SiteRun::carry_out(protocol::SiteAction const& action) {
  if (auto const* taken = std::get_if<protocol::Adopt>(&action)) {
    adopt(*taken);
  } else if (auto const* moot = std::get_if<protocol::Discard>(&action)) {
    payloads_.erase(moot->payload);
  } else if (auto const* asked = std::get_if<protocol::Contribute>(&action)) {
    contribute(asked->contribution);
  } else if (auto const* progress = std::get_if<protocol::SendProgress>(&action)) {
    last_progress_ = progress->progress;
    last_progress_->stop_requested |= stop_requested_;  // also while the site stands still
    send_progress();
  } else if (auto const* held = std::get_if<protocol::SendHeld>(&action)) {
    if (is_leader()) transport_->send(shard_peer(0), held->held);
  } else if (auto const* state = std::get_if<protocol::WriteState>(&action)) {
    write_state(state->save);
  } else {
    has_left_ = true;
  }
}

void SiteRun::adopt(protocol::Adopt const& adopt) {
  auto const fragment = static_cast<int>(adopt.fragment);
  if (site_.size() == 1) {
    replica_.adopt(fragment, *payloads_.at(adopt.payload), adopt.rule);
  } else {
    // The leader's payload is const and MPI's broadcast wants a buffer it may write to, so it sends from a
    // copy.
    std::vector<float> values(plan_.table.fragment(fragment).size);
    if (is_leader()) values = *payloads_.at(adopt.payload);
    site_.broadcast(std::as_writable_bytes(std::span(values)), 0);
    replica_.adopt(fragment, values, adopt.rule);
  }
  payloads_.erase(adopt.payload);
}

void SiteRun::contribute(protocol::Contribution const& contribution) {
  auto const fragment = static_cast<int>(contribution.fragment);
  if (is_leader()) {
    int const owner = fragment % plan_.config.syncer.ranks;
    transport_->send(shard_peer(owner), contribution, replica_.outer_gradient(fragment));
  }
  replica_.take_snapshot(fragment);
}

void SiteRun::write_state(protocol::Save const& save) {
  if (!is_leader()) return;
  transport_->send(shard_peer(0), save_state(folder_, save, site_file(number_), [&](base::Writer& writer) {
                     machine_.save(*writer.group("site_machine"));
                     save_parameters(writer);
                     optimizer_.save(*writer.group("inner_optimizer"));
                     stream_.save(*writer.group("stream"));
                     writer.write("tokens", tokens_);
                   }));
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

void SiteRun::join() {
  if (!is_leader()) return;
  int const shards = plan_.config.syncer.ranks;
  for (int shard = 0; shard < shards; ++shard) {
    transport_->send(shard_peer(shard), protocol::Hello{.incarnation = machine_.incarnation(),
                                                        .parameters = plan_.table.digest(),
                                                        .agreement = deck::agreement(plan_.config)});
  }
  int welcomes = 0;
  double asked_s = base::now_s();
  while (welcomes < shards) {
    transport_->wait(idle_wait_s);
    for (auto& frame : transport_->receive()) {
      if (auto const* welcome = std::get_if<protocol::Welcome>(&frame.message)) {
        if (!welcome->refusal.empty()) {
          throw base::RuntimeFailure(
              fmt::format("shard {} refuses this site: {}", frame.from.index, welcome->refusal));
        }
        ++welcomes;
      } else {
        accept(std::move(frame));
      }
    }
    if (base::now_s() - asked_s > plan_.config.outer.dead_after_s) {
      base::log::warn_once("welcome", "no welcome from every shard yet; still waiting");
      asked_s = base::now_s();
    }
  }
}

void SiteRun::collect_events() {
  if (!is_leader() || is_cut_off()) return;
  for (auto& frame : transport_->receive()) accept(std::move(frame));
}

void SiteRun::accept(transport::Frame frame) {
  if (auto const* release = std::get_if<protocol::Release>(&frame.message)) {
    auto const fragment = static_cast<int>(release->fragment);
    bool const fits = fragment < plan_.table.fragments() && frame.payload &&
                      frame.payload->size() == plan_.table.fragment(fragment).size;
    if (!fits) return base::log::warn_once("release", "a release of the wrong size arrived; it was dropped");
    drop_older_release(*release);
    payloads_[++last_handle_] = std::move(frame.payload);
    events_.emplace_back(protocol::HeldRelease{*release, last_handle_});
    return;
  }
  std::visit(
      [&](auto const& message) {
        if constexpr (std::is_constructible_v<protocol::SiteEvent, decltype(message)>) {
          events_.emplace_back(message);
        } else {
          base::log::warn_once("unexpected message",
                               "a message arrived that a site has no use for; it was dropped");
        }
      },
      frame.message);
}

// A site that looks rarely must not pile up payloads: of a release that a newer one overtakes, the fate is
// enough.
void SiteRun::drop_older_release(protocol::Release const& newer) {
  for (auto& event : events_) {
    auto const* held = std::get_if<protocol::HeldRelease>(&event);
    if (!held || held->release.fragment != newer.fragment || held->release.version >= newer.version) continue;
    payloads_.erase(held->payload);
    event = protocol::FateNotice{newer.fragment, held->release.fate};
  }
}

bool SiteRun::is_cut_off() const {
  auto const every = plan_.config.link.pause_every_steps;
  return every > 0 && machine_.is_ready() && !machine_.is_holding() && machine_.step() / every % 2 == 1;
}

void SiteRun::send_progress() {
  if (!is_leader() || !last_progress_ || is_cut_off()) return;
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard)
    transport_->send(shard_peer(shard), *last_progress_);
}

void SiteRun::report(std::string const& metrics_line) {
  if (is_leader()) transport_->send(shard_peer(0), protocol::Report{metrics_line});
}

void SiteRun::say_goodbye() {
  if (!is_leader()) return;
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard)
    transport_->send(shard_peer(shard), protocol::Bye{});
}

void SiteRun::initialize_parameters() {
  auto const parameters = replica_.parameters();
  auto const tensors = plan_.table.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    model::initialize(tensors[i], i, plan_.config.model, plan_.config.run.seed,
                      std::span(parameters.data() + tensors[i].range.offset, tensors[i].size()));
  }
}

void SiteRun::load(ResumePoint const& resume) {
  auto const file = resume.open(site_file(number_));
  machine_.load(*file.root().group("site_machine"));
  load_parameters(file.root());
  optimizer_.load(*file.root().group("inner_optimizer"));
  stream_.load(*file.root().group("stream"));
  tokens_ = file.root().read_uint("tokens");
}

void SiteRun::evaluate_outer_parameters(bool is_final) {
  auto const parameters = replica_.outer_parameters();
  auto const loss = evaluate(model_, *validation_, plan_.config.eval.batches, parameters, site_, [this] {
    collect_events();
    send_progress();  // a long evaluation must not look like a death
  });
  report(to_json(
      EvalLine{.time_s = base::now_s() - start_s_,
               .site = number_,
               .step = machine_.step(),
               .val_loss = loss.mean(),
               .val_bits_per_byte = bits_per_byte(loss.mean(), plan_.dataset.bytes_per_validation_token()),
               .tokens = loss.targets,
               .is_final = is_final,
               .model = base::digest_of(std::span<float const>(parameters.data(), parameters.size()))}));
}

}  // namespace atl::train
