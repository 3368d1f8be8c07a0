// What a storm has met: how often messages of each kind and faults of each kind came together.
#pragma once

#include <array>
#include <cstdint>
#include <variant>

#include "protocol/message.hpp"
#include "sim/fault.hpp"

namespace atl::sim {

// How often a message of a kind was under way or handled while a fault of a kind was on at its sender or
// receiver.
using Coverage = std::array<std::array<std::uint64_t, fault_kinds>, std::variant_size_v<protocol::Message>>;

// Why messages of this kind never meet such faults; null: they can.
char const* why_never(std::size_t message, FaultKind fault);

}  // namespace atl::sim
