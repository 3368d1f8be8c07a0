// The names of every choice that a deck offers: each list once, in the order of its enumeration.
#pragma once

#include <array>
#include <string_view>
#include <type_traits>

#include "deck/config.hpp"

namespace atl::deck {

template <class... Name>
constexpr auto list(Name... name) {
  return std::array<std::string_view, sizeof...(Name)>{name...};
}

constexpr auto names(Stop) { return list("clock", "each"); }
constexpr auto names(Method) { return list("data_parallel", "diloco", "streaming", "decoupled"); }
constexpr auto names(Repair) { return list("site", "shrink", "spare", "spawn"); }
constexpr auto names(Family) { return list("gpt2", "llama"); }
constexpr auto names(Precision) { return list("fp32", "bf16"); }
constexpr auto names(InnerOptimizerKind) { return list("adamw", "sgd", "muon"); }
constexpr auto names(Schedule) { return list("constant", "linear", "cosine", "wsd"); }
constexpr auto names(PartitionKind) { return list("balanced", "strided", "whole"); }
constexpr auto names(GraceKind) { return list("adaptive", "none", "fixed"); }
constexpr auto names(OuterOptimizerKind) { return list("nesterov", "sgd"); }
constexpr auto names(MergeKind) { return list("rda", "average"); }
constexpr auto names(Anchor) { return list("base", "current"); }
constexpr auto names(Receive) { return list("overwrite", "blend", "rebase"); }
constexpr auto names(Late) { return list("drop", "carry"); }
constexpr auto names(Codec) { return list("fp32", "bf16", "int8", "int4", "e3m0"); }
constexpr auto names(ChaosKind) { return list("kill", "stall", "slow", "partition", "corrupt"); }
constexpr auto names(Corruption) { return list("bit", "nan", "norm", "stale", "foreign", "replay", "term"); }

// An enumeration that a deck spells by name.
template <class E>
concept Choice = std::is_enum_v<E> && requires(E value) {
  names(value);
};

template <Choice E>
constexpr std::string_view name(E value) {
  return names(value)[static_cast<std::size_t>(value)];
}

}  // namespace atl::deck
