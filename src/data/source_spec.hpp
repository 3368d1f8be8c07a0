// What an entry of sites.data says: one path, or several that are mixed, with or without weights.
#pragma once

#include <string>
#include <vector>

namespace atl::data {

struct SpecSource {
  std::string path;
  double weight = 0.0;  // 0: none was given, to any source
};

// PATH [* WEIGHT] { + PATH [* WEIGHT] }: "data/gcide", "data/gcide * 0.7 + data/wn * 0.3". There are blanks
// on both sides of + and *, so that both may be part of a path. Weights are positive; all sources have one,
// or none has. Throws InputError.
std::vector<SpecSource> parse_source_spec(std::string const& spec);

}  // namespace atl::data
