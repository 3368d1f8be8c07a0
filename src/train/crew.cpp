#include "train/crew.hpp"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::train {

std::vector<std::string> recruit_arguments(RunFolder const& folder) {
  return {"train", folder.deck().string()};
}

std::string to_text(Orders const& orders) {
  return nlohmann::json{{"site", orders.site},
                        {"incarnation", orders.incarnation},
                        {"life", orders.life},
                        {"elapsed_s", orders.elapsed_s},
                        {"shards", orders.shards}}
      .dump();
}

Orders read_orders(std::string const& text) try {
  auto const json = nlohmann::json::parse(text);
  return {.site = json.at("site"),
          .incarnation = json.at("incarnation"),
          .life = json.at("life"),
          .elapsed_s = json.at("elapsed_s"),
          .shards = json.at("shards")};
} catch (nlohmann::json::exception const& problem) {
  throw base::RuntimeFailure(fmt::format("orders that make no sense: {}", problem.what()));
}

Crew::Crew(comm::Communicator const& shards, RunFolder folder, TakeIn take_in)
    : shards_(shards), folder_(std::move(folder)), take_in_(std::move(take_in)) {}

void Crew::recruit(Orders orders, int ranks) {
  waiting_.push_back({std::move(orders), ranks});
  if (!under_way_) start_next();
}

void Crew::start_next() {
  under_way_ = std::move(waiting_.front());
  waiting_.pop_front();
  bridge_ = std::async(std::launch::async, [this, request = *under_way_] {
    return comm::recruit(shards_, request.ranks, recruit_arguments(folder_), to_text(request.orders));
  });
}

void Crew::poll() {
  if (!under_way_ || bridge_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  auto const [orders, ranks] = *std::exchange(under_way_, std::nullopt);
  try {
    auto const& bridge = bridges_.emplace_back(bridge_.get());
    for (int rank = 0; rank < ranks; ++rank)
      take_in_({bridge.control.get(), bridge.bulk.get(), rank}, orders.site);
  } catch (base::RuntimeFailure const& failure) {
    base::log::warn(fmt::format("site {} cannot be manned again: {}", orders.site, failure.what()));
  }
  if (!waiting_.empty()) start_next();
}

}  // namespace atl::train
