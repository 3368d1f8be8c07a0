#include "train/crew.hpp"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::train {

comm::Wanted wanted(RunPlan const& plan, RunFolder const& folder, int count) {
  bool const may_call = plan.config.sites.repair == deck::Repair::spare;
  return {.count = count,
          .arguments = {"train", folder.deck().string()},
          .spares = may_call ? folder.spares() : std::filesystem::path()};
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

Crew::Crew(comm::Communicator const& shards, TakeIn take_in)
    : shards_(shards), take_in_(std::move(take_in)) {}

void Crew::recruit(Orders orders, comm::Wanted wanted, double patience_s) {
  if (under_way_ && under_way_->orders.site == orders.site) give_up();
  waiting_.push_back({std::move(orders), std::move(wanted), patience_s});
  if (!under_way_) start_next();
}

void Crew::start_next() {
  under_way_ = std::move(waiting_.front());
  under_way_->since_s = base::now_s();
  waiting_.pop_front();
  attempt_ = std::make_shared<Attempt>();
  bridge_ = attempt_->bridge.get_future();
  std::thread([attempt = attempt_, &shards = shards_, request = *under_way_] {
    try {
      auto bridge = comm::recruit(shards, request.wanted, to_text(request.orders));
      if (attempt->is_given_up) comm::revoke(bridge.control.get());
      attempt->bridge.set_value(std::move(bridge));
    } catch (...) {
      attempt->bridge.set_exception(std::current_exception());
    }
  }).detach();
}

void Crew::give_up() {
  attempt_->is_given_up = true;
  under_way_.reset();
}

std::optional<int> Crew::poll() {
  if (!under_way_) return {};
  auto const request = *under_way_;
  if (bridge_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (base::now_s() - request.since_s < request.patience_s) return {};
    give_up();
    if (!waiting_.empty()) start_next();
    return request.orders.site;
  }
  under_way_.reset();
  try {
    auto const& bridge = bridges_.emplace_back(bridge_.get());
    for (int rank = 0; rank < bridge.remote_size(); ++rank)
      take_in_({bridge.control.get(), bridge.bulk.get(), rank}, request.orders.site);
  } catch (base::RuntimeFailure const& failure) {
    base::log::warn(fmt::format("site {} is not manned again yet: {}", request.orders.site, failure.what()));
    if (!waiting_.empty()) start_next();
    return request.orders.site;
  }
  if (!waiting_.empty()) start_next();
  return {};
}

}  // namespace atl::train
