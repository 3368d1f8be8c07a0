// The known name that a misspelt one was probably meant to be.
#pragma once

#include <span>
#include <string_view>

namespace atl::deck {

// The candidate that is the fewest insertions, deletions, substitutions and swaps of neighbours away from
// `name`, letter case aside. Empty where even that one differs in more than two letters and a third of its
// length.
std::string_view nearest(std::string_view name, std::span<std::string_view const> candidates);

}  // namespace atl::deck
