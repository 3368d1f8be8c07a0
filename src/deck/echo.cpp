// What a config and the key table look like from outside: resolved deck, agreement, differences, schema.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deck/checks.hpp"
#include "deck/deck.hpp"
#include "deck/keys.hpp"

namespace atl::deck {

std::string echo(RunConfig const& config) { return keys().echo(config); }

std::string agreement(RunConfig const& config) {
  std::string text;
  for (auto const& key : keys())
    if (key.agreed) text += fmt::format("{} = {}\n", key.path(), key.write(config));
  return text;
}

std::string differences(RunConfig const& config, RunConfig const& other) {
  std::string text;
  for (auto const& key : keys()) {
    auto const value = key.write(config);
    if (value != key.write(other)) text += fmt::format("{} = {}\n", key.path(), value);
  }
  return text;
}

std::vector<base::Problem> resume_conflicts(RunConfig const& saved, RunConfig const& now) {
  std::vector<base::Problem> problems;
  for (auto const& key : keys()) {
    auto const before = key.write(saved), wanted = key.write(now);
    if (key.doc.may_change_on_resume || before == wanted) continue;
    problems.push_back({"--resume", fmt::format("{} = {}, the checkpoint has {}", key.path(), wanted, before),
                        "set it back, or start a new run: --set run.name=..."});
  }
  // inner.batch is a site's, and there a step takes those of all sites.
  if (problems.empty() && now.run.method == Method::data_parallel && saved.sites.count != now.sites.count) {
    problems.push_back(
        {"--resume",
         fmt::format("sites.count = {}, the checkpoint has {}: under data_parallel a step would "
                     "take another number of sequences",
                     now.sites.count, saved.sites.count),
         "set it back; sites.ranks may change"});
  }
  return problems;
}

std::vector<KeyDoc> schema() { return keys().schema(); }

}  // namespace atl::deck
