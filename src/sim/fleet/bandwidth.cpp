#include "sim/fleet/bandwidth.hpp"

#include <algorithm>
#include <cmath>
#include <ranges>

namespace atl::sim {

namespace {

// Chips and link as they go through the graph, each from node to node.
class StepGraph {
 public:
  StepGraph(BandwidthSection const& model, ExchangePlan const& plan, double gbit_s)
      : plan_(plan),
        layers_(static_cast<std::size_t>(model.layers)),
        node_s_(model.step_s / (3.0 * model.layers - 1.0)),
        reduction_s_(model.parameters * plan.bits / model.layers / (gbit_s * 1e9)),
        reduced_s_(plan.overlap_steps + 1, std::vector<double>(layers_, 0.0)) {}

  // One more step; when its last computing node is done.
  double step() {
    auto& arrivals = reduced_s_[step_ % reduced_s_.size()];  // of the reductions that this step waits for
    for (auto& arrival_s : arrivals) {
      chips_s_ = std::max(chips_s_, arrival_s) + node_s_;
      arrival_s = 0.0;
    }
    for (std::size_t layer = layers_; layer-- > 0;) {
      chips_s_ += layer > 0 ? 2.0 * node_s_ : node_s_;
      if (!is_due(layer)) continue;
      link_s_ = std::max(link_s_, chips_s_) + reduction_s_;
      arrivals[layer] = link_s_;  // the next step to look here is the one that needs it
    }
    ++step_;
    return chips_s_;
  }

 private:
  bool is_due(std::size_t layer) const {
    auto const fragments = static_cast<std::uint64_t>(plan_.fragments);
    auto const offset = layer % fragments * plan_.interval_steps / fragments;
    return step_ % plan_.interval_steps == offset;
  }

  ExchangePlan const& plan_;
  std::size_t layers_;
  double node_s_, reduction_s_;
  std::uint64_t step_ = 0;
  double chips_s_ = 0.0, link_s_ = 0.0;         // when they are free
  std::vector<std::vector<double>> reduced_s_;  // by step modulo the overlap, by layer
};

}  // namespace

std::vector<ExchangePlan> exchange_plans(BandwidthSection const& model) {
  auto const interval = model.interval_steps;
  int const fragments = (model.layers + model.fragment_layers - 1) / model.fragment_layers;
  auto const overlap = model.overlap_steps;
  return {{"data parallel", 1, 1, 0, model.bits},
          {"DiLoCo", interval, 1, 0, model.bits},
          {"streaming", interval, fragments, 0, model.bits},
          {"+ overlap", interval, fragments, overlap, model.bits},
          {"+ codec", interval, fragments, overlap, model.coded_bits}};
}

double utilisation(BandwidthSection const& model, ExchangePlan const& plan, double gbit_s) {
  StepGraph graph(model, plan, gbit_s);
  auto const round = std::max<std::uint64_t>(plan.interval_steps, 10);
  double begin_s = 0.0, end_s = 0.0;
  for (std::uint64_t step = 0; step < round; ++step) begin_s = graph.step();
  for (std::uint64_t step = 0; step < round; ++step) end_s = graph.step();
  return static_cast<double>(round) * model.step_s / (end_s - begin_s);
}

std::vector<BandwidthCell> simulate_bandwidth(BandwidthConfig const& config) {
  auto const& model = config.bandwidth;
  std::vector const published{&model.published_data_parallel, &model.published_diloco,
                              &model.published_streaming, &model.published_overlap, &model.published_coded};
  double const factor = std::pow(model.highest_gbit_s / model.lowest_gbit_s, 1.0 / (model.points - 1));
  auto const plans = exchange_plans(model);
  std::vector<BandwidthCell> cells;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (std::size_t k = 0; k < model.utilisation.size(); ++k) {
      BandwidthCell cell{.method = plans[i].method, .utilisation = model.utilisation[k]};
      if (!published[i]->empty()) cell.published = (*published[i])[k];
      auto const tried = std::views::iota(0, model.points) | std::views::transform([&](int point) {
                           return model.lowest_gbit_s * std::pow(factor, point);
                         });
      auto const enough = std::ranges::partition_point(
          tried, [&](double gbit_s) { return utilisation(model, plans[i], gbit_s) < cell.utilisation; });
      if (enough != tried.end()) cell.gbit_s = *enough;
      cells.push_back(cell);
    }
  }
  return cells;
}

}  // namespace atl::sim
