#include "train/fault_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hpp"
#include "train/goodput.hpp"
#include "train/metrics_history.hpp"

namespace atl::train {

namespace {

using Json = nlohmann::json;

// What a fault does to whom it hits.
enum class Effect { loss, standstill, other };

struct Hit {
  std::size_t life = 0;  // from 0
  double time_s = 0.0;
  std::string what;
  std::optional<int> site, shard;
  Effect effect = Effect::loss;
};

bool tells_of_loss(History::Fault const& fault) { return fault.what.ends_with("is lost"); }

Effect effect_of(History::Fault const& fault) {
  if (tells_of_loss(fault)) return Effect::loss;
  return fault.what.find("has said nothing") == std::string::npos ? Effect::other : Effect::standstill;
}

std::optional<int> number(Json const& line, char const* key) {
  return line.contains(key) ? std::optional(line.at(key).get<int>()) : std::nullopt;
}

std::size_t life_at(History const& history, double unix_s) {
  std::size_t life = 0;
  while (life + 1 < history.lives.size() && history.lives[life + 1].unix_s <= unix_s) ++life;
  return life;
}

Hit hit_of(Json const& line, History const& history) {
  Hit hit{.life = life_at(history, line.at("unix_s")),
          .time_s = line.at("time_s"),
          .what = line.at("do"),
          .site = number(line, "site"),
          .shard = number(line, "shard")};
  hit.effect = hit.what == "kill" ? Effect::loss : hit.what == "stall" ? Effect::standstill : Effect::other;
  if (line.contains("how")) hit.what += fmt::format(" ({})", line.at("how").get<std::string>());
  if (hit.site) hit.what += fmt::format(" site {}", *hit.site);
  if (auto const rank = number(line, "rank")) hit.what += fmt::format(" rank {}", *rank);
  if (hit.shard) hit.what += fmt::format(" shard {}", *hit.shard);
  if (line.contains("for_s")) hit.what += fmt::format(" for {:.1f} s", line.at("for_s").get<double>());
  return hit;
}

std::vector<Hit> hits_of_chaos(std::filesystem::path const& file, History const& history) {
  std::vector<Hit> hits;
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    auto const line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    try {
      if (line.is_object() && line.value("event", "") == "chaos") hits.push_back(hit_of(line, history));
    } catch (Json::exception const&) {  // not a line of ours
    }
  }
  return hits;
}

// A site that has lost a rank, not its last, says so only when it returns.
void add_silent_losses(std::vector<Hit>& hits, std::size_t number, History::Life const& life) {
  for (auto const& back : life.returns) {
    double last_s = 0.0;
    for (auto const& step : life.steps) {
      if (step.site == back.site && step.time_s < back.time_s) last_s = step.time_s;
    }
    bool const is_known = std::ranges::any_of(life.faults, [&](auto const& fault) {
      return tells_of_loss(fault) && fault.site == back.site && fault.time_s >= last_s &&
             fault.time_s <= back.time_s;
    });
    if (!is_known)
      hits.push_back(
          {number, last_s, fmt::format("site {} lost a rank", back.site), back.site, {}, Effect::loss});
  }
}

std::vector<Hit> hits_noticed(History const& history) {
  std::vector<Hit> hits;
  for (std::size_t number = 0; number < history.lives.size(); ++number) {
    auto const& life = history.lives[number];
    for (auto const& fault : life.faults)
      hits.push_back({number, fault.time_s, fault.what, fault.site, fault.shard, effect_of(fault)});
    add_silent_losses(hits, number, life);
  }
  std::ranges::stable_sort(hits, {}, [](Hit const& hit) { return std::pair(hit.life, hit.time_s); });
  return hits;
}

// The time of the first that fits, after the hit.
template <class Lines, class Fits>
std::optional<double> first_after(Hit const& hit, Lines const& lines, Fits&& fits) {
  for (auto const& line : lines) {
    if (line.time_s >= hit.time_s && fits(line)) return line.time_s - hit.time_s;
  }
  return {};
}

bool holds(std::vector<int> const& sites, int site) { return std::ranges::count(sites, site) > 0; }

void add_cost_of_site(FaultCost& cost, Hit const& hit, History::Life const& life) {
  int const site = *hit.site;
  auto const lost = first_after(hit, life.faults, [&](auto const& fault) { return fault.site == site; });
  auto const missed =
      first_after(hit, life.commits, [&](auto const& commit) { return holds(commit.absent, site); });
  cost.noticed_s = lost && missed ? std::min(*lost, *missed) : lost ? lost : missed;
  if (hit.effect == Effect::loss) {
    cost.back_s = first_after(hit, life.returns, [&](auto const& back) { return back.site == site; });
    cost.steps_lost = steps_not_merged(life, site, hit.time_s + cost.back_s.value_or(life.end_s));
  } else if (hit.effect == Effect::standstill) {
    // Its longest silence is the fault's.
    double last_s = hit.time_s, longest_s = 0.0;
    for (auto const& step : life.steps) {
      if (step.site != site || step.time_s < hit.time_s) continue;
      if (step.time_s - last_s > longest_s) {
        longest_s = step.time_s - last_s;
        cost.back_s = step.time_s - hit.time_s;
      }
      last_s = step.time_s;
    }
  }
  auto const from_s =
      cost.back_s.value_or(hit.effect == Effect::other ? cost.noticed_s.value_or(0.0) : life.end_s);
  for (auto const& commit : life.commits) {
    double const after_s = commit.time_s - hit.time_s;
    bool const is_member = holds(commit.members, site);
    if (after_s >= from_s && is_member && !cost.merged_s) cost.merged_s = after_s;
    if (after_s >= 0 && !cost.merged_s && !is_member) ++cost.commits_missed;
  }
}

void add_cost_of_shard(FaultCost& cost, Hit const& hit, History::Life const& life, int shards) {
  cost.noticed_s = first_after(hit, life.faults, [&](auto const& fault) { return fault.shard == hit.shard; });
  if (!cost.noticed_s) return;
  cost.back_s = first_after(hit, life.commits, [&](auto const& commit) {
    return commit.time_s > hit.time_s + *cost.noticed_s && commit.fragment % shards == *hit.shard;
  });
}

FaultCost cost_of(Hit const& hit, History const& history) {
  FaultCost cost{.life = hit.life + 1, .time_s = hit.time_s, .what = hit.what};
  if (hit.life >= history.lives.size()) return cost;
  auto const& life = history.lives[hit.life];
  if (hit.site && *hit.site < history.sites) add_cost_of_site(cost, hit, life);
  if (hit.shard) add_cost_of_shard(cost, hit, life, history.shards);
  return cost;
}

std::string seconds(std::optional<double> value) { return value ? fmt::format("{:.2f}", *value) : "-"; }

}  // namespace

FaultReport inspect_faults(std::filesystem::path const& root) {
  FaultReport report{.folder = RunFolder(""), .is_truth = false, .faults = {}};
  report.folder.root = root;
  if (!std::filesystem::exists(report.folder.metrics()))
    throw base::InputError(root.string(), "there is no run here, or it has not begun",
                           "give a folder of runs/");
  auto const history = read_history(report.folder.metrics());
  auto const truth = root / "chaos.jsonl";
  report.is_truth = std::filesystem::exists(truth);
  for (auto const& hit : report.is_truth ? hits_of_chaos(truth, history) : hits_noticed(history))
    report.faults.push_back(cost_of(hit, history));
  return report;
}

std::string describe(FaultReport const& report) {
  auto const count = report.faults.size();
  auto text = fmt::format("{}: {} fault{} {}\n", report.folder.root.string(), count, count == 1 ? "" : "s",
                          report.is_truth ? "done on purpose (chaos.jsonl)" : "noticed");
  if (report.faults.empty()) return text;
  text += fmt::format("{:>4} {:>9}  {:<28} {:>9} {:>9} {:>9} {:>8} {:>7}\n", "life", "at s", "what",
                      "noticed", "back", "merged", "commits", "steps");
  text += fmt::format("{:>4} {:>9}  {:<28} {:>9} {:>9} {:>9} {:>8} {:>7}\n", "", "", "", "after s", "after s",
                      "after s", "missed", "lost");
  for (auto const& fault : report.faults) {
    text += fmt::format("{:>4} {:>9.2f}  {:<28} {:>9} {:>9} {:>9} {:>8} {:>7.1f}\n", fault.life, fault.time_s,
                        fault.what, seconds(fault.noticed_s), seconds(fault.back_s), seconds(fault.merged_s),
                        fault.commits_missed, fault.steps_lost);
  }
  return text;
}

}  // namespace atl::train
