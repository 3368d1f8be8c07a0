#include "train/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/stop_flag.hpp"
#include "checkpoint/sets.hpp"
#include "comm/site_layout.hpp"
#include "train/peers.hpp"
#include "train/time_limit.hpp"

namespace atl::train {

namespace {

// Writing a large state takes long.
constexpr double snapshot_patience = 30.0;

}  // namespace

Hub::Hub(RunPlan const& plan, RunFolder folder, std::optional<ResumePoint> const& resume, bool shows_progress,
         transport::Transport& transport, double start_s,
         std::function<void(protocol::Message const&)> to_own_shard)
    : plan_(plan),
      folder_(std::move(folder)),
      transport_(transport),
      start_s_(start_s),
      stop_s_(start_s + seconds_to_train(plan.config.run)),
      to_own_shard_(std::move(to_own_shard)),
      metrics_(folder_.metrics()),
      console_(plan, resume ? resume->step : 0, shows_progress),
      quiet_(effective_sites(plan.config), plan.config.syncer.ranks, plan.config.outer.dead_after_s),
      snapshot_(snapshot_patience * plan.config.outer.dead_after_s),
      last_commit_s_(start_s) {
  if (plan.config.output.tensorboard) tensorboard_.emplace(folder_.root / "tensorboard");
  if (resume) {
    clock_ = resume->step;
    last_label_ = resume->step;
    elapsed_before_s_ = resume->manifest.time_s;
    newest_set_ = resume->folder.string();
    write(resume_json(resume->step, newest_set_, base::unix_s()));
  } else {
    // A run that was killed before its first checkpoint starts again.
    if (std::filesystem::file_size(folder_.metrics()) > 0) write(resume_json(0, "", base::unix_s()));
    write(to_json(StartLine{.version = ATOLL_VERSION,
                            .sites = effective_sites(plan.config),
                            .shards = plan.config.syncer.ranks,
                            .ranks = comm::SiteLayout::ranks_needed(plan.config),
                            .parameters = plan.table.size(),
                            .unix_s = base::unix_s()}));
  }
  schedule_checkpoint(start_s);
  write_status(folder_, running());
}

Status Hub::running() const {
  return {.outcome = "running",
          .exit_code = base::ExitCode::runtime_failure,
          .step = clock_,
          .checkpoint = newest_set_,
          .checkpoint_failure = failure_};
}

// The disk that holds no checkpoint may hold no status either, and the training goes on.
void Hub::tell_status() const {
  try {
    write_status(folder_, running());
  } catch (base::RuntimeFailure const& failure) {
    base::log::warn_once("status", failure.what());
  }
}

void Hub::record(protocol::Participant who, std::string const& metrics_line) {
  console_.observe(metrics_line);
  if (metrics_line.starts_with(R"({"event":"commit")")) {
    ++commits_;
    last_commit_s_ = base::now_s();
  }
  if (recorded_.contains(who)) {
    later_lines_.push_back(metrics_line);
  } else {
    write(metrics_line);
  }
}

void Hub::write(std::string const& metrics_line) {
  metrics_.write(metrics_line);
  if (tensorboard_) tensorboard_->observe(metrics_line);
}

void Hub::on_marker(protocol::Participant who, protocol::Marker const& marker) {
  if (snapshot_.is_of(marker)) recorded_.insert(who);
}

void Hub::on_held(protocol::Participant who, protocol::Held const& held, double now_s) {
  carry_out(quiet_.on_held(who, held, now_s), now_s);
}

void Hub::on_saved(protocol::Participant who, protocol::Saved const& saved, double now_s) {
  if (snapshot_.is_open()) return carry_out(snapshot_.on_saved(who, saved), now_s);
  carry_out(quiet_.on_saved(who, saved, now_s), now_s);
}

void Hub::on_stop_requested() { stop_wanted_ = true; }

bool Hub::on_lost(protocol::Participant who, double now_s) {
  lost_.insert(who);
  carry_out(snapshot_.on_lost(who), now_s);
  bool const was_ending = is_ending();
  if (was_ending || who.kind == protocol::Participant::Kind::shard)
    carry_out(quiet_.on_lost(who, now_s), now_s);
  return !was_ending;
}

bool Hub::is_wanted_back(int site) const {
  return lost_.contains({protocol::Participant::Kind::site, site}) && !is_ending();
}

// One that heard no Hold would train on, and nobody else came to rest.
bool Hub::on_new_life(int site, double now_s) {
  protocol::Participant const who{protocol::Participant::Kind::site, site};
  carry_out(snapshot_.on_lost(who), now_s);
  if (is_ending()) carry_out(quiet_.on_lost(who, now_s), now_s);
  return !is_ending();
}

void Hub::on_return(int site) { lost_.erase({protocol::Participant::Kind::site, site}); }

void Hub::abandon(std::string const& why, double now_s) {
  bool const can_resume = !newest_set_.empty();
  end_early(why, can_resume ? "stopped" : "failed",
            can_resume ? base::ExitCode::stopped_resumable : base::ExitCode::runtime_failure, now_s);
}

void Hub::abandon_hung(std::string const& why, double now_s) {
  end_early(why, "failed", base::ExitCode::watchdog, now_s);
}

void Hub::end_early(std::string const& why, std::string const& outcome, base::ExitCode exit_code,
                    double now_s) {
  write(fault_json(now_s - start_s_, clock_, why));
  write_status(folder_, {.outcome = outcome,
                         .exit_code = exit_code,
                         .step = clock_,
                         .checkpoint = newest_set_,
                         .checkpoint_failure = failure_});
}

void Hub::tick(Standing const& standing, double now_s) {
  auto const& run = plan_.config.run;
  // Where every site takes steps of its own number, the run is as far as the slowest of them.
  clock_ = std::max(clock_, stops_each(plan_.config) ? standing.slowest_step : standing.clock);
  stop_wanted_ |= base::stop_requested() || now_s >= stop_s_;
  carry_out(snapshot_.on_timer(now_s), now_s);
  bool const must_end = clock_ >= run.steps || stop_wanted_;
  // The end has a set of its own, and must not wait for one who is silent.
  if (must_end && recorded_ != everyone()) carry_out(snapshot_.give_up("the run ends"), now_s);
  if (!quiet_.is_active() && !quiet_.is_over() && !snapshot_.is_open()) {
    if (clock_ >= run.steps) {
      request(protocol::Purpose::finish, now_s);
    } else if (stop_wanted_) {
      request(protocol::Purpose::stop, now_s);
    } else if (is_checkpoint_due(now_s) && !standing.all_sites_live) {
      if (!std::exchange(is_checkpoint_late_, true))
        base::log::warn_once("checkpoint waits",
                             "a checkpoint is due and waits until every site is there again");
    } else if (is_checkpoint_due(now_s)) {
      schedule_checkpoint(now_s);
      begin_snapshot(now_s);
    }
  }
  quiet_.on_movement(standing.last_advance_s);
  carry_out(quiet_.on_timer(now_s), now_s);
  auto const traffic = transport_.counters();
  console_.tick(clock_, now_s - start_s_, traffic.bytes_sent + traffic.bytes_received);
  watch_for_stall(standing.waiting_for, now_s);
}

bool Hub::is_checkpoint_due(double now_s) const {
  return (next_checkpoint_ > 0 && clock_ >= next_checkpoint_) ||
         (next_checkpoint_s_ > 0 && now_s >= next_checkpoint_s_);
}

void Hub::schedule_checkpoint(double now_s) {
  auto const& checkpoint = plan_.config.checkpoint;
  if (checkpoint.every_steps > 0)
    next_checkpoint_ = (clock_ / checkpoint.every_steps + 1) * checkpoint.every_steps;
  if (checkpoint.every_s > 0) next_checkpoint_s_ = now_s + checkpoint.every_s;
}

void Hub::watch_for_stall(std::string const& waiting_for, double now_s) {
  auto const waiting = quiet_.is_active() ? quiet_.waiting_for() : std::vector<protocol::Participant>{};
  double const patience_s = std::max(5.0, 0.5 * plan_.config.outer.dead_after_s);
  if (!waiting.empty() && now_s - requested_s_ > patience_s) {
    console_.stalled(fmt::format("to come to rest the run waits for {}", protocol::describe(waiting)), now_s);
  } else if (!quiet_.is_active() && now_s - last_commit_s_ > patience_s) {
    console_.stalled(waiting_for, now_s);
  }
}

std::optional<double> Hub::next_timer_s() const {
  return snapshot_.is_open() ? snapshot_.next_timer_s() : quiet_.next_timer_s();
}

void Hub::send_to_all(protocol::Message const& message) {
  for (int site = 0; site < effective_sites(plan_.config); ++site) transport_.send(site_peer(site), message);
  for (int shard = 1; shard < plan_.config.syncer.ranks; ++shard) transport_.send(shard_peer(shard), message);
  to_own_shard_(message);
}

base::ExitCode Hub::end(double now_s) {
  bool const finished = purpose_ == protocol::Purpose::finish;
  Status status{.outcome = finished ? "done" : "stopped",
                .exit_code = finished ? base::ExitCode::done : base::ExitCode::stopped_resumable,
                .step = clock_,
                .checkpoint = newest_set_,
                .checkpoint_failure = {}};
  if (!finished && newest_set_.empty() && failure_.empty()) failure_ = "no checkpoint that can be resumed";
  if (!failure_.empty()) {
    status.outcome = "failed";
    status.checkpoint_failure = failure_;
    status.exit_code = base::ExitCode::runtime_failure;
    base::log::error(
        fmt::format("the last state could not be saved: {}; mend that, then go on with --resume", failure_));
  }
  auto const traffic = transport_.counters();
  write(to_json(EndLine{.time_s = now_s - start_s_,
                        .step = clock_,
                        .outcome = status.outcome,
                        .commits = commits_,
                        .bytes_sent = traffic.bytes_sent,
                        .bytes_received = traffic.bytes_received}));
  write_status(folder_, status);
  // Sites that never wait are further when they hear that it was time to end.
  auto const called =
      finished && called_at_ < clock_ ? fmt::format(" (the end was called at {})", called_at_) : "";
  base::log::console(fmt::format("{} at step {}{} after {:.1f} s: {}", status.outcome, clock_, called,
                                 now_s - start_s_, newest_set_.empty() ? "no checkpoint" : newest_set_));
  return status.exit_code;
}

}  // namespace atl::train
