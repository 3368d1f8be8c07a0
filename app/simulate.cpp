// atoll simulate: what a deck describes, under a virtual clock. Its sections say what it is.
#include "app/simulate.hpp"

#include <algorithm>

#include "app/commands.hpp"
#include "deck/reading.hpp"
#include "train/console.hpp"

namespace atl::app {

bool shows_progress(SimulateFlags const& flags) {
  return flags.progress == "always" ||
         (flags.progress == "auto" && !flags.json && train::stdout_is_terminal());
}

int run_command(SimulateFlags const& flags) {
  auto const text = deck::read_text(flags.deck);
  auto const sections = deck::sections_of(text, flags.deck);
  auto const has = [&](char const* name) { return std::ranges::count(sections, name) > 0; };
  if (has("storm")) return simulate_storm(flags, text);
  if (has("goodput")) return simulate_goodput(flags, text);
  if (has("decoupled")) return simulate_decoupled(flags, text);
  if (has("bandwidth")) return simulate_bandwidth(flags, text);
  throw base::InputError(flags.deck, "has no section that says what to simulate",
                         "write [storm], [goodput], [decoupled] or [bandwidth], as in inputs/sim/");
}

}  // namespace atl::app
