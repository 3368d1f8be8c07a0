// atoll inspect: a checkpoint or a run, in words and digests.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "base/exit_code.hpp"
#include "train/fault_report.hpp"
#include "train/inspect_checkpoint.hpp"
#include "train/inspect_ledger.hpp"
#include "train/inspect_run.hpp"

namespace atl::app {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(train::CheckpointReport const& report) {
  auto const& manifest = report.set.manifest;
  Json json{{"checkpoint", report.set.folder.string()},
            {"step", manifest.step},
            {"time_s", manifest.time_s},
            {"kind", manifest.kind},
            {"ranks_per_site", manifest.layout.ranks_per_site},
            {"shards", manifest.layout.shards},
            {"facts", manifest.facts},
            {"deck", manifest.deck},
            {"damage", Json::array()}};
  for (auto const& problem : report.damage) json["damage"].push_back({problem.where, problem.what});
  for (auto const& file : manifest.files)
    json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"digest", file.digest.hex()}});
  if (!report.damage.empty()) return json;
  json["model_digest"] = report.model.hex();
  json["contributions_in_flight"] = report.contributions_in_flight;
  json["releases_in_flight"] = report.releases_in_flight;
  for (auto const& [p, version, parameters, digest] : report.fragments)
    json["fragments"].push_back(
        {{"fragment", p}, {"version", version}, {"parameters", parameters}, {"digest", digest.hex()}});
  return json;
}

Json to_json(train::Evaluation const& eval) { return {{"step", eval.step}, {"val_loss", eval.loss}}; }

Json to_json(train::RunReport const& report) {
  auto const& summary = report.summary;
  bool const has_ended = report.status && !report.status->is_running();
  Json json{{"run", report.folder.root.string()},
            {"outcome", report.status ? Json(report.status->outcome) : Json(nullptr)},
            {"exit_code", has_ended ? Json(static_cast<int>(report.status->exit_code)) : Json(nullptr)},
            {"step", report.status ? report.status->step : 0},
            {"sites", Json::array()},
            {"commits", summary.commits},
            {"contributions", summary.contributions},
            {"faults", summary.faults},
            {"evals", Json::array()},
            {"resumes", summary.resumes}};
  for (auto const& [site, progress] : summary.sites)
    json["sites"].push_back({{"site", site},
                             {"step", progress.step},
                             {"tokens", progress.tokens},
                             {"loss", progress.loss},
                             {"tokens_per_s", progress.tokens_per_s}});
  for (auto const& [site, with, share, staleness] : report.participation)
    json["participation"].push_back(
        {{"site", site}, {"commits", with}, {"share", share}, {"staleness", staleness}});
  auto const& spent = report.goodput;
  json["goodput"] = {{"share", spent.share()},
                     {"site_s", spent.site_s},
                     {"training_s", spent.training_s},
                     {"lost_s", spent.lost_s},
                     {"in_site_wait_s", spent.in_site_wait_s},
                     {"checkpoint_s", spent.checkpoint_s},
                     {"evaluation_s", spent.evaluation_s},
                     {"recovery_s", spent.recovery_s},
                     {"other_s", spent.other_s()}};
  for (auto const& [site, eval] : summary.evals)
    json["evals"].push_back({{"site", site}, {"last", to_json(eval.last)}, {"best", to_json(eval.best)}});
  json["newest_checkpoint"] = report.newest ? Json(report.newest->folder.string()) : Json(nullptr);
  return json;
}

Json to_json(train::FaultReport const& report) {
  Json json{{"run", report.folder.root.string()}, {"is_truth", report.is_truth}, {"faults", Json::array()}};
  auto const or_null = [](std::optional<double> value) { return value ? Json(*value) : Json(nullptr); };
  for (auto const& fault : report.faults)
    json["faults"].push_back({{"life", fault.life},
                              {"time_s", fault.time_s},
                              {"what", fault.what},
                              {"noticed_s", or_null(fault.noticed_s)},
                              {"back_s", or_null(fault.back_s)},
                              {"merged_s", or_null(fault.merged_s)},
                              {"commits_missed", fault.commits_missed},
                              {"steps_lost", fault.steps_lost}});
  return json;
}

Json to_json(protocol::Work const& work) { return {{"steps", work.steps}, {"tokens", work.tokens}}; }

Json to_json(protocol::AuditRow const& row) {
  auto const& ledger = row.row;
  return {{"site", row.site},
          {"fragment", row.fragment},
          {"processed", to_json(ledger.processed)},
          {"merged", to_json(ledger.merged)},
          {"pending", to_json(ledger.pending)},
          {"unsent", to_json(ledger.unsent)},
          {"overwritten", to_json(ledger.overwritten)},
          {"dropped", to_json(ledger.dropped)},
          {"rejected", to_json(ledger.rejected)},
          {"lost", to_json(row.lost)},
          {"committed", to_json(row.committed)},
          {"imbalance", row.imbalance}};
}

Json to_json(std::vector<protocol::TapedVersion> const& versions) {
  Json json = Json::array();
  for (auto const& made : versions)
    json.push_back(
        {{"fragment", made.fragment}, {"version", made.version.commits}, {"theta", made.theta.hex()}});
  return json;
}

Json to_json(train::LedgerReport const& report) {
  Json json{{"run", report.folder.root.string()}, {"sound", report.is_sound()}, {"lives", Json::array()}};
  for (auto const& [number, was_torn, audit] : report.lives) {
    Json life{{"life", number},
              {"torn", was_torn},
              {"imbalance", audit.imbalance()},
              {"findings", audit.findings},
              {"rows", Json::array()},
              {"versions", to_json(audit.versions)},
              {"forgotten", to_json(audit.forgotten)}};
    for (auto const& row : audit.rows) life["rows"].push_back(to_json(row));
    json["lives"].push_back(std::move(life));
  }
  return json;
}

}  // namespace

int run_command(InspectStateFlags const& flags) {
  std::filesystem::path const path(flags.path);
  auto const say = [&](auto const& report) {
    fmt::print("{}", flags.json ? to_json(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                                : train::describe(report));
  };
  if (flags.ledger) {
    train::RunFolder folder("");
    folder.root = path;
    auto const report = train::inspect_ledger(folder);
    say(report);
    if (!report.is_sound()) {
      throw base::InputError(path.string(), "its tapes contradict one another",
                             "one of them is not as it was written");
    }
  } else if (flags.faults) {
    say(train::inspect_faults(path));
  } else if (std::filesystem::exists(path / checkpoint::manifest_name)) {
    auto const report = train::inspect_checkpoint(path);
    say(report);
    if (!report.damage.empty()) throw base::InputError(report.damage);
  } else if (auto const inside = train::list_states(path); !inside.empty()) {
    fmt::print("{}\n", flags.json ? Json(inside).dump(2) : fmt::format("{}", fmt::join(inside, "\n")));
  } else {
    say(train::inspect_run(path));
  }
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
