#include "sim/fault_plan.hpp"

#include <algorithm>
#include <limits>
#include <variant>

namespace atl::sim {

namespace {

struct Chance {
  FaultKind kind;
  double weight;
};

FaultKind draw_kind(StormFaultsSection const& from, Scenario const& scenario, Draws& draws) {
  std::vector<Chance> const chances{{FaultKind::delay, from.delay},
                                    {FaultKind::duplicate, from.duplicate},
                                    {FaultKind::repeat, from.repeat},
                                    {FaultKind::damage, from.damage},
                                    {FaultKind::poison, from.poison},
                                    {FaultKind::partition, from.partition},
                                    {FaultKind::stall, from.stall},
                                    {FaultKind::slow, from.slow},
                                    {FaultKind::loss, from.loss},
                                    {FaultKind::shard_loss, scenario.is_replicated ? from.shard_loss : 0.0},
                                    {FaultKind::notice, scenario.is_synchronous() ? 0.0 : from.notice}};
  double total = 0.0;
  for (auto const& chance : chances) total += chance.weight;
  double left = draws.real(0.0, total);
  for (auto const& chance : chances) {
    left -= chance.weight;
    if (left < 0.0) return chance.kind;
  }
  return chances.back().kind;
}

// The strength and the place of a fault.
Fault draw_fault(StormFaultsSection const& from, Scenario const& scenario, FaultKind kind, Draws& draws) {
  auto const& layout = scenario.layout;
  Fault fault{.kind = kind, .node = layout.site(draws.whole(0, layout.sites - 1))};
  bool const is_of_shard = draws.chance(0.25);
  switch (kind) {
    case FaultKind::slow:
      fault.strength = draws.real(from.slowdown);
      break;
    case FaultKind::loss:
    case FaultKind::notice:
    case FaultKind::rebirth:
      break;
    case FaultKind::shard_loss:  // not of shard 0, which leads the run to its end
      fault.node = layout.shard(draws.whole(1, layout.shards - 1));
      break;
    case FaultKind::stall:
      if (is_of_shard) fault.node = layout.shard(draws.whole(0, layout.shards - 1));
      break;
    default:
      if (draws.chance(0.5)) fault.other = layout.shard(draws.whole(0, layout.shards - 1));
      if (fault.other < 0 && is_of_shard) fault.node = layout.shard(draws.whole(0, layout.shards - 1));
      fault.strength = kind == FaultKind::delay ? draws.real(from.delay_steps) * scenario.slowest_step_s()
                                                : draws.real(from.share);
  }
  return fault;
}

}  // namespace

std::vector<Fault> draw_faults(StormFaultsSection const& from, Scenario const& scenario, double end_s,
                               Draws& draws) {
  std::vector<Fault> faults;
  int spare = scenario.layout.sites - scenario.outer.quorum;
  double at_s = 0.0;
  int const count = draws.whole(from.count);
  int tries = 20 * count;
  while (static_cast<int>(faults.size()) < count && tries-- > 0) {
    Fault fault = draw_fault(from, scenario, draw_kind(from, scenario, draws), draws);
    if (faults.empty() || !draws.chance(from.together)) at_s = draws.real(0.0, end_s);
    fault.from_s = at_s;
    fault.to_s = at_s + draws.real(from.lasts_steps) * scenario.slowest_step_s();
    bool const is_of_life = fault.kind == FaultKind::loss || fault.kind == FaultKind::notice;
    bool const is_left = is_of_life && spare > 0 && draws.chance(from.for_ever);
    bool const is_for_ever = is_left || fault.kind == FaultKind::shard_loss;
    if (is_for_ever) fault.to_s = std::numeric_limits<double>::infinity();
    bool const is_taken = std::ranges::any_of(faults, [&](Fault const& other) {
      return other.kind == fault.kind && other.node == fault.node && other.from_s <= fault.to_s &&
             fault.from_s <= other.to_s;
    });
    if (is_taken) continue;
    if (is_left) --spare;
    faults.push_back(fault);
  }
  return faults;
}

std::vector<Ambush> draw_ambushes(StormFaultsSection const& from, Scenario const& scenario, Draws& draws) {
  std::vector<Ambush> ambushes;
  static auto const kinds = static_cast<int>(protocol::Message(protocol::Recruit{}).index());  // the last
  for (int left = draws.whole(from.ambushes); left > 0; --left) {
    Fault fault = draw_fault(from, scenario, draw_kind(from, scenario, draws), draws);
    fault.other = -1;
    fault.to_s = draws.real(from.lasts_steps) * scenario.slowest_step_s();
    ambushes.push_back({.message = static_cast<std::size_t>(draws.whole(0, kinds - 1)),
                        .nth = static_cast<std::uint64_t>(draws.few({1, 40})),
                        .at_sender = draws.chance(0.5),
                        .fault = fault});
  }
  // Words of shards that are at rest are few, and a shard is lost once.
  if (scenario.is_replicated && draws.chance(0.2)) {
    using protocol::Message;
    Message const word = draws.chance(0.5) ? Message(protocol::Held{}) : Message(protocol::Saved{});
    Fault const fault{.kind = FaultKind::shard_loss};
    ambushes.push_back({.message = word.index(), .nth = 1, .at_sender = true, .fault = fault});
  }
  return ambushes;
}

}  // namespace atl::sim
