// How all ranks agree on what is wrong, so that all can leave in peace.
#pragma once

#include <string>
#include <utility>

#include "app/commands.hpp"
#include "base/error.hpp"
#include "comm/world.hpp"

namespace atl::app {

// Problems as text and back, for the way between ranks.
std::string packed(base::InputError const& error);
base::InputError unpacked(std::string const& text);

// Collective. Every rank runs `look`; where some find bad input, every rank throws what the first of them
// found.
template <class Look>
void on_every_rank(comm::MpiRuntime const& mpi, Look const& look) {
  std::string problems;
  try {
    look();
  } catch (base::InputError const& error) {
    problems = packed(error);
  }
  problems = mpi.first_text(problems);
  if (!problems.empty()) throw AgreedInputError(unpacked(problems));
}

// Collective. Runs `look` on rank 0 alone and gives every rank its text, or its InputError.
template <class Look>
std::string on_rank_0(comm::MpiRuntime const& mpi, Look const& look) {
  std::string answer;
  on_every_rank(mpi, [&] {
    if (mpi.rank() == 0) answer = look();
  });
  return mpi.broadcast_text(std::move(answer));
}

}  // namespace atl::app
