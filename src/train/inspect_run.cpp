#include "train/inspect_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/durable_file.hpp"

namespace atl::train {

namespace {

using Json = nlohmann::json;

void add(RunSummary& summary, std::string const& event, Json const& line) {
  if (event == "step") {
    summary.sites[line.value("site", 0)] = {.step = line.value("step", std::uint64_t{0}),
                                            .tokens = line.value("tokens", std::uint64_t{0}),
                                            .loss = line.value("loss", 0.0),
                                            .tokens_per_s = line.value("tokens_per_s", 0.0)};
  } else if (event == "commit") {
    ++summary.commits;
    summary.contributions += line.value("members", Json::array()).size();
  } else if (event == "eval") {
    Evaluation const now{line.value("step", std::uint64_t{0}), line.value("val_loss", 0.0)};
    auto& [last, best] =
        summary.evals.try_emplace(line.value("site", 0), Evaluations{now, now}).first->second;
    last = now;
    if (now.loss < best.loss) best = now;
  } else if (event == "fault") {
    ++summary.faults;
  }
}

RunFolder folder_at(std::filesystem::path const& root) {
  RunFolder folder("");
  folder.root = root;
  return folder;
}

RunSummary read_metrics(std::filesystem::path const& file) {
  RunSummary summary;
  std::map<std::string, RunSummary> at_checkpoint;  // by its path: where a resume goes back to
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    auto const line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) continue;  // torn by a kill
    try {
      auto const event = line.value("event", "");
      if (event == "checkpoint") at_checkpoint[line.value("path", "")] = summary;
      if (event == "resume") {
        auto const resumes = summary.resumes + 1;
        summary = at_checkpoint[line.value("checkpoint", "")];
        summary.resumes = resumes;
      }
      add(summary, event, line);
    } catch (Json::exception const&) {  // a value of another type: not a line of ours
    }
  }
  return summary;
}

}  // namespace

std::optional<Status> read_status(RunFolder const& folder) {
  auto const text = base::read_text(folder.status());
  auto const json = Json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  try {
    return Status{.outcome = json.at("outcome").get<std::string>(),
                  .exit_code = static_cast<base::ExitCode>(json.at("exit_code").get<int>()),
                  .step = json.at("step").get<std::uint64_t>(),
                  .checkpoint = json.at("checkpoint").get<std::string>(),
                  .checkpoint_failure = json.value("checkpoint_failure", "")};
  } catch (Json::exception const&) {
    return std::nullopt;
  }
}

std::vector<std::string> list_states(std::filesystem::path const& folder) {
  std::vector<std::string> found;
  std::error_code absent;
  for (auto const& entry : std::filesystem::directory_iterator(folder, absent)) {
    auto const& path = entry.path();
    if (exists(folder_at(path).deck()) || exists(path / checkpoint::manifest_name))
      found.push_back(path.string());
  }
  std::ranges::sort(found);
  return found;
}

RunReport inspect_run(std::filesystem::path const& root) {
  RunReport report{.folder = folder_at(root),
                   .status = {},
                   .silent_s = 0.0,
                   .summary = {},
                   .goodput = {},
                   .participation = {},
                   .newest = {},
                   .skipped = {}};
  if (!std::filesystem::exists(report.folder.deck())) {
    auto const others = list_states(root.parent_path());
    throw base::InputError(
        root.string(),
        std::filesystem::exists(root) ? "is neither a run nor a checkpoint" : "there is no such folder",
        others.empty() ? "give a folder of runs/, or a checkpoint in it"
                       : fmt::format("there are {}", fmt::join(others, ", ")));
  }
  report.status = read_status(report.folder);
  report.summary = read_metrics(report.folder.metrics());
  auto const history = read_history(report.folder.metrics());
  report.goodput = account(history);
  report.participation = participation(history);
  std::error_code none;
  auto const last = std::filesystem::last_write_time(report.folder.metrics(), none);
  if (!none) report.silent_s = std::chrono::duration<double>(decltype(last)::clock::now() - last).count();
  if (report.status && report.status->is_running()) {
    // Written when the run began: how far it is since, its sites say.
    for (auto const& [site, progress] : report.summary.sites)
      report.status->step = std::max(report.status->step, progress.step);
  }
  if (std::filesystem::is_directory(report.folder.checkpoints())) {
    auto found = checkpoint::find_sets(report.folder.checkpoints());
    if (!found.complete.empty()) report.newest = std::move(found.complete.front());
    report.skipped = std::move(found.skipped);
  }
  return report;
}

base::ExitCode mark_ended(RunFolder const& folder, bool was_interrupted) {
  auto const report = inspect_run(folder.root);
  if (!report.status) return base::ExitCode::runtime_failure;
  if (!report.status->is_running()) return report.status->exit_code;
  bool const can_resume = was_interrupted && report.newest;
  auto const code = can_resume ? base::ExitCode::stopped_resumable : base::ExitCode::runtime_failure;
  write_status(folder, {.outcome = can_resume ? "stopped" : "failed",
                        .exit_code = code,
                        .step = report.status->step,
                        .checkpoint = report.newest ? report.newest->folder.string() : "",
                        .checkpoint_failure = report.status->checkpoint_failure});
  return code;
}

std::string describe(RunReport const& report) {
  auto const& [sites, evals, commits, contributions, faults, resumes] = report.summary;
  auto text = fmt::format("{}: ", report.folder.root.string());
  if (report.status && report.status->is_running()) {
    text += fmt::format("running at step {}, or lost: its last word is {:.0f} s old\n", report.status->step,
                        report.silent_s);
  } else if (report.status) {
    text += fmt::format("{}, exit code {}, step {}\n", report.status->outcome,
                        static_cast<int>(report.status->exit_code), report.status->step);
  } else {
    text += "no status\n";
  }
  for (auto const& [site, progress] : sites) {
    text +=
        fmt::format("site {}   step {}, {:.2f} M tokens, loss {:.4f}, {:.0f} tok/s\n", site, progress.step,
                    static_cast<double>(progress.tokens) / 1e6, progress.loss, progress.tokens_per_s);
  }
  if (commits > 0) {
    text += fmt::format("commits  {}, of {:.2f} sites each\n", commits,
                        static_cast<double>(contributions) / static_cast<double>(commits));
  }
  for (auto const& [site, with, share, staleness] : report.participation) {
    if (with > 0)
      text += fmt::format("site {}   in {:.1f} % of the commits, {:.2f} versions behind\n", site, 100 * share,
                          staleness);
  }
  if (report.goodput.site_s > 0) text += train::describe(report.goodput) + "\n";
  for (auto const& [site, eval] : evals) {
    text += fmt::format("{:<8} validation loss {:.4f} at step {}; best {:.4f} at step {}\n",
                        evals.size() > 1 ? fmt::format("eval {}", site) : "eval", eval.last.loss,
                        eval.last.step, eval.best.loss, eval.best.step);
  }
  text += fmt::format("resumed  {} times\n", resumes);
  if (faults > 0)
    text += fmt::format("faults   {} told of; what each cost: inspect {} --faults\n", faults,
                        report.folder.root.string());
  if (auto const n = report.skipped.size(); n > 0) {
    auto const& [where, what, remedy] = report.skipped.front();
    text += fmt::format("passed   {}: {}{}\n", where, what, n > 1 ? fmt::format("; and {} more", n - 1) : "");
  }
  if (report.status && !report.status->checkpoint_failure.empty())
    text += fmt::format("failing  no newer checkpoint: {}\n", report.status->checkpoint_failure);
  if (report.newest) {
    text +=
        fmt::format("newest   {}, step {}\n", report.newest->folder.string(), report.newest->manifest.step);
  } else {
    text += "newest   no complete checkpoint\n";
  }
  return text;
}

}  // namespace atl::train
