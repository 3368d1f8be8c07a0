#include "train/site_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/stop_flag.hpp"
#include "base/waiting.hpp"
#include "deck/deck.hpp"
#include "kernels/region.hpp"
#include "train/evaluation.hpp"
#include "train/machine_options.hpp"
#include "train/metrics.hpp"
#include "train/profile.hpp"

namespace atl::train {

namespace {

// How long a site that stands still sleeps before it looks for events again and reports that it lives.
constexpr double idle_wait_s = 0.25;
constexpr double writing_wait_s = 0.01;  // that the end of the run waits for

protocol::SiteMachine::Options options_of(RunPlan const& plan, int site, std::uint64_t incarnation) {
  auto options = site_options(plan.config, site);
  options.heals = incarnation > 0;
  if (options.heals) options.incarnation = incarnation;
  return options;
}

// Text that several sites share is judged once, by site 0.
bool evaluates(RunPlan const& plan, int site) { return site == 0 || sites_per_corpus(plan.config) == 1; }

}  // namespace

SiteRun::SiteRun(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
                 comm::World& world, Links links, Trace& trace, double start_s)
    : plan_(plan),
      folder_(folder),
      number_(world.here.group),
      world_(world),
      site_(world.site),
      trace_(trace),
      start_s_(start_s),
      step_floor_s_(step_floor_s(plan.config, world.in_deck.group)),
      corpus_(open_site_corpus(plan, world.in_deck.group)),
      replica_(plan, world.site),
      machine_(options_of(plan, world.here.group, links.incarnation)),
      channel_(std::move(links.channel)),
      relay_(plan, world.site),
      tape_(links.tape),
      chaos_(links.chaos),
      replayed_(links.replayed),
      ranks_left_(std::move(links.ranks_left)),
      is_returning_(links.incarnation > 0) {
  // Before the buffers of a step, so that reading a model does not make the peak of the memory.
  if (!resume && !has_outer_exchange(plan.config)) initialize_parameters();
  inner_ = std::make_unique<InnerStep>(plan, corpus_, world, trace);
  if (evaluates(plan, number_) && !replayed_) {
    validation_.emplace(data::ValidationOptions{.sources = corpus_.validation(),
                                                .sequences = plan.config.inner.batch,
                                                .context = plan.config.model.context,
                                                .batches = plan.config.eval.batches});
  }
  if (resume) load(*resume);
  if (tape_) tape_start(std::move(links.start));
  if (!links.machine) return;
  machine_ = std::move(*links.machine);
  if (tape_) tape_parameters();  // which the set should have
}

base::ExitCode SiteRun::run() {
  if (channel_) channel_->join(machine_.incarnation(), is_returning_);
  hello_s_ = last_record_s_ = base::now_s();
  evaluate_if_due();  // the state was recorded before
  while (is_still_here() && !is_over()) {
    try {
      advance();
    } catch (comm::ProcessLost const&) {
      if (!can_go_on_with_fewer()) throw;
    }
  }
  if (!is_still_here()) return base::ExitCode::done;
  bool const finished = purpose_ == protocol::Purpose::finish;
  if (finished && validation_) evaluate_outer_parameters(/*is_final=*/true);
  leave();
  return finished ? base::ExitCode::done : base::ExitCode::stopped_resumable;
}

void SiteRun::advance() {
  if (chaos_) chaos_->tick(machine_.step());
  if (machine_.is_ready() && !machine_.is_holding() && !machine_.is_waiting()) {
    training_step();
  } else {
    idle_boundary();
  }
}

void SiteRun::training_step() {
  if (std::exchange(is_returning_, false)) begin_training_again();
  states_.before_change();
  std::optional<kernels::Region> region(std::in_place, training_step_label);
  double const waited_before_s = base::waited_s();
  auto const share = compute_gradients();
  collect_events();
  Record record;
  {
    Trace::Span const span(trace_, Work::record, machine_.step() + 1);
    kernels::Region const named("the record of the step");
    record = exchange_record(site_, share, channel_ ? channel_->events() : no_events_, /*idle=*/false);
  }
  check_health(record);
  is_torn_ = true;
  record.events = relay_.pass(std::move(record.events), /*can_wait=*/!replayed_, channel_.get());
  last_lr_ = inner_->update(replica_, record.grad_norm, machine_.step() + 1);
  tokens_ += record.tokens;
  cross_boundary(protocol::StepDone{record.tokens, record.step_s, record.loss, record.stop_requested},
                 record);
  is_torn_ = false;
  pauses_.wait_s = std::min(base::waited_s() - waited_before_s, record.step_s);
  report_step(record);
  region.reset();
  auto const every = plan_.config.eval.every_steps;
  evaluation_due_ =
      validation_ && every > 0 && machine_.step() % every == 0 && machine_.step() < plan_.config.run.steps;
  cut_if_asked();
  evaluate_if_due();
}

// After the step's own line, which a resume would miss otherwise. Nothing changes before the state is
// copied, so the shards need not wait for that.
void SiteRun::cut_if_asked() {
  if (auto const marker = std::exchange(cut_, std::nullopt)) {
    double const begin_s = base::now_s();
    if (channel_) {
      departures_.pass_on(*channel_, /*all=*/true);  // before the cut
      channel_->send_markers(*marker);
    }
    begin_state({.id = marker->id, .step = marker->step}, checkpoint::Standing::copied);
    last_record_s_ = base::now_s();  // copying is no part of a step
    pauses_.checkpoint_s += last_record_s_ - begin_s;
  }
  attend_to_state();
}

RankShare SiteRun::compute_gradients() {
  auto share = inner_->compute_gradients(replica_, machine_.step() + 1, [this] { collect_events(); });
  share.stop_requested = base::stop_requested();
  pace();
  double const now_s = base::now_s();
  share.step_s = now_s - std::exchange(last_record_s_, now_s);
  return share;
}

void SiteRun::pace() {
  double const step_s = std::max(step_floor_s_, base::now_s() - last_record_s_);
  double const early_s = last_record_s_ + step_s * (chaos_ ? chaos_->slowness() : 1.0) - base::now_s();
  if (early_s <= 0) return;
  Trace::Span const span(trace_, Work::idle, machine_.step() + 1);
  kernels::Region const named("sleep (step_floor_s)");
  std::this_thread::sleep_for(std::chrono::duration<double>(early_s));
}

void SiteRun::cross_boundary(std::optional<protocol::StepDone> const& done, Record const& record) {
  ++crossed_;
  stop_requested_ = record.stop_requested;
  for (auto const& event : record.events) {
    if (auto const* hold = std::get_if<protocol::Hold>(&event)) purpose_ = hold->purpose;
  }
  auto const actions = machine_.on_boundary(done, record.events);
  if (tape_) {
    protocol::TapedBoundary boundary{
        .step = {}, .events = protocol::taped_events(record.events), .after = {}};
    if (done) boundary.step = {done->tokens, done->loss};
    boundary.after = protocol::state_digest(boundary, machine_);
    tape_->put(boundary);
  }
  for (auto const& action : actions) carry_out(action);
}

void SiteRun::report_step(Record const& record) {
  double const steady_s = record.step_s > 0 ? record.step_s : 1.0;
  report(to_json(StepLine{.time_s = elapsed_s(),
                          .site = number_,
                          .step = machine_.step(),
                          .loss = record.loss,
                          .lr = last_lr_,
                          .grad_norm = record.grad_norm,
                          .tokens = tokens_,
                          .step_s = record.step_s,
                          .tokens_per_s = static_cast<double>(record.tokens) / steady_s,
                          .wait_s = site_.size() > 1 ? pauses_.wait_s : 0.0,
                          .checkpoint_s = pauses_.checkpoint_s,
                          .eval_s = pauses_.evaluation_s}));
  pauses_ = {};
}

// Not while a release of this step is outstanding: what a step shows must not depend on when it came.
void SiteRun::evaluate_if_due() {
  if (!evaluation_due_ || machine_.is_waiting()) return;
  evaluation_due_ = false;
  double const begin_s = base::now_s();
  evaluate_outer_parameters(/*is_final=*/false);
  double const took_s = base::now_s() - begin_s;
  last_record_s_ += took_s;  // evaluation is no part of a step
  pauses_.evaluation_s += took_s;
}

void SiteRun::idle_boundary() {
  double const begin_s = base::now_s();
  bool const waits_for_others = machine_.is_waiting();
  // The donor that was asked may be gone.
  if (channel_ && is_returning_ && begin_s - hello_s_ > plan_.config.outer.dead_after_s) {
    channel_->ask_again(machine_.incarnation());
    hello_s_ = begin_s;
  }
  Record record;
  {
    Trace::Span const span(trace_, Work::idle, machine_.step());
    double const longest_s = states_.is_writing() ? writing_wait_s : idle_wait_s;
    if (channel_) {
      departures_.pass_on(*channel_, /*all=*/true);
      channel_->receive(relay_.has_waiting() ? 0.0 : longest_s);
    }
    RankShare const nothing{.stop_requested = base::stop_requested()};
    record = exchange_record(site_, nothing, channel_ ? channel_->events() : no_events_, /*idle=*/true);
  }
  is_torn_ = true;
  record.events = relay_.pass(std::move(record.events), /*can_wait=*/false, channel_.get());
  cross_boundary(std::nullopt, record);
  is_torn_ = false;
  cut_if_asked();
  last_record_s_ = base::now_s();
  if (waits_for_others) waited_s_ += last_record_s_ - begin_s;
  evaluate_if_due();
}

void SiteRun::carry_out(protocol::SiteAction const& action) {
  if (auto const* taken = std::get_if<protocol::Adopt>(&action)) {
    adopt(*taken);
  } else if (auto const* moot = std::get_if<protocol::Discard>(&action)) {
    discard(moot->payload);
  } else if (auto const* known = std::get_if<protocol::Settled>(&action)) {
    replica_.settle(static_cast<int>(known->fragment), known->advanced);
  } else if (auto const* asked = std::get_if<protocol::Contribute>(&action)) {
    contribute(*asked);
  } else if (auto const* progress = std::get_if<protocol::SendProgress>(&action)) {
    last_progress_ = progress->progress;
    last_progress_->stop_requested |= stop_requested_;  // also while the site stands still
    send_progress();
  } else if (auto const* held = std::get_if<protocol::SendHeld>(&action)) {
    if (channel_) channel_->send_to_hub(held->held);
  } else if (auto const* state = std::get_if<protocol::WriteState>(&action)) {
    begin_state(state->save, checkpoint::Standing::referred_to);  // at rest
    end_state({});
  } else if (auto const* cut = std::get_if<protocol::Cut>(&action)) {
    cut_ = cut->marker;
  } else if (auto const* promise = std::get_if<protocol::TellShards>(&action)) {
    if (channel_) channel_->send_to_shards(promise->message);
  } else if (auto const* send = std::get_if<protocol::SendToSite>(&action)) {
    if (channel_) channel_->send_to_site(send->site, send->message);
  } else if (auto const* give = std::get_if<protocol::GiveState>(&action)) {
    give_state(*give);
  } else if (auto const* moments = std::get_if<protocol::TakeState>(&action)) {
    take_state(*moments);
  } else {
    has_left_ = true;
  }
}

// On ranks that have no channel too: what the leader passes on goes on to their devices.
void SiteRun::collect_events() {
  relay_.look();
  if (!channel_) return arrivals_.follow(relay_.here());
  departures_.pass_on(*channel_);
  if (is_cut_off()) return;
  channel_->receive(0.0);
  arrivals_.follow(channel_->waiting());
}

// Nothing of this life is on its way between the ranks any more, at none of them: who leaves takes nothing
// from under another.
void SiteRun::come_to_rest() {
  replica_.parameters();
  kernels::Exec().fence();
  relay_.finish();
  site_.barrier();
}

bool SiteRun::is_cut_off() const {
  auto const every = plan_.config.link.pause_every_steps;
  return every > 0 && machine_.is_ready() && !machine_.is_holding() && machine_.step() / every % 2 == 1;
}

void SiteRun::send_progress() {
  if (channel_ && last_progress_ && !is_cut_off()) channel_->send_to_shards(*last_progress_);
}

void SiteRun::report(std::string const& metrics_line) {
  if (channel_) channel_->send_to_hub(protocol::Report{metrics_line});
}

double SiteRun::elapsed_s() const { return base::now_s() - start_s_; }

void SiteRun::evaluate_outer_parameters(bool is_final) {
  Trace::Span const span(trace_, Work::evaluate, machine_.step());
  auto const parameters = replica_.outer_parameters();
  auto const loss =
      evaluate(inner_->model(), *validation_, plan_.config.eval.batches, parameters, site_, [this] {
        collect_events();
        send_progress();  // a long evaluation must not look like a death
      });
  // Under data_parallel with text per site the ranks judge by texts that differ.
  bool const is_one_text = has_outer_exchange(plan_.config) || plan_.config.sites.data.size() == 1;
  double const bytes_per_token = is_one_text ? corpus_.bytes_per_validation_token() : 0.0;
  report(to_json(
      EvalLine{.time_s = elapsed_s(),
               .site = number_,
               .step = machine_.step(),
               .val_loss = loss.mean(),
               .val_bits_per_byte = bytes_per_token > 0 ? bits_per_byte(loss.mean(), bytes_per_token) : 0.0,
               .tokens = loss.targets,
               .is_final = is_final,
               .model = outer_digest()}));
}

base::Digest SiteRun::outer_digest() const {
  return base::digest_of(replica_.outer_values({0, plan_.table.size()}));
}

void SiteRun::leave() {
  trace_.flush();
  if (tape_) tape_parameters();
  base::Waiting const waiting("the end of the site");
  states_.finish();
  if (channel_) departures_.pass_on(*channel_, /*all=*/true);
  come_to_rest();  // Bye means that every rank of the site is done with the run's folder
  if (!channel_) return;
  if (!machine_.is_ready()) return channel_->say_goodbye();  // it came too late to take part
  auto const sent = channel_->sent_bytes();
  report(to_json(SiteEndLine{.time_s = elapsed_s(),
                             .site = number_,
                             .step = machine_.step(),
                             .tokens = tokens_,
                             .waited_s = waited_s_,
                             .sent_bytes = sent,
                             .model = outer_digest()}));
  std::string text;
  for (auto const& [kind, bytes] : sent)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, bytes);
  base::log::info(fmt::format("bytes that left site {}{}, all of them, by kind of message: {}", number_,
                              machine_.incarnation() > 1 ? " since it began anew" : "", text));
  channel_->say_goodbye();
}

}  // namespace atl::train
