#include "train/metrics_history.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace atl::train {

namespace {

using Json = nlohmann::json;

std::optional<int> number(Json const& line, char const* key) {
  return line.contains(key) ? std::optional(line.at(key).get<int>()) : std::nullopt;
}

History::Step step_of(Json const& line) {
  return {.time_s = line.at("time_s"),
          .site = line.at("site"),
          .step = line.at("step"),
          .step_s = line.at("step_s"),
          .wait_s = line.value("wait_s", 0.0),
          .checkpoint_s = line.value("checkpoint_s", 0.0),
          .eval_s = line.value("eval_s", 0.0)};
}

History::Commit commit_of(Json const& line) {
  return {.time_s = line.at("time_s"),
          .step = line.at("step"),
          .fragment = line.at("fragment"),
          .members = line.at("members"),
          .absent = line.at("absent"),
          .staleness = line.at("staleness")};
}

class Reading {
 public:
  void take(Json const& line) {
    auto const event = line.value("event", "");
    if (event == "start") history_.shards = std::max(1, line.value("shards", 1));
    if (event == "start" || event == "resume") begin(line, event == "resume");
    if (history_.lives.empty()) return;
    auto& life = history_.lives.back();
    life.end_s = std::max(life.end_s, line.value("time_s", 0.0));
    if (event == "step") {
      life.steps.push_back(step_of(line));
      history_.sites = std::max(history_.sites, life.steps.back().site + 1);
    } else if (event == "commit") {
      life.commits.push_back(commit_of(line));
    } else if (event == "return") {
      life.returns.push_back({line.at("time_s"), line.at("site"), line.at("step")});
    } else if (event == "fault") {
      life.faults.push_back(
          {line.at("time_s"), line.value("what", ""), number(line, "site"), number(line, "shard")});
    } else if (event == "checkpoint") {
      at_checkpoint_[line.value("path", "")] = {history_.lives.size() - 1, life.steps.size()};
    }
  }
  History history() && { return std::move(history_); }

 private:
  struct Position {
    std::size_t life = 0, steps = 0;
  };

  void begin(Json const& line, bool is_resume) {
    if (is_resume) supersede(at_checkpoint_[line.value("checkpoint", "")]);
    history_.lives.push_back({.unix_s = line.value("unix_s", 0.0)});
  }

  void supersede(Position from) {
    for (; from.life < history_.lives.size(); ++from.life, from.steps = 0) {
      auto& steps = history_.lives[from.life].steps;
      for (auto i = from.steps; i < steps.size(); ++i) steps[i].is_superseded = true;
    }
  }

  History history_;
  std::map<std::string, Position> at_checkpoint_;  // by its path
};

}  // namespace

History read_history(std::filesystem::path const& metrics) {
  Reading reading;
  std::ifstream in(metrics);
  for (std::string text; std::getline(in, text);) {
    auto const line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) continue;
    try {
      reading.take(line);
    } catch (Json::exception const&) {  // a value of another type, or none: not a line of ours
    }
  }
  return std::move(reading).history();
}

}  // namespace atl::train
