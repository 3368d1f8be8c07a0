#include "deck/deck.hpp"

#include "deck/checks.hpp"
#include "deck/keys.hpp"

namespace atl::deck {

RunConfig parse(std::string const& text, std::string const& where,
                std::vector<std::string> const& overrides) {
  return keys().parse(text, where, overrides, [](RunConfig const& config, Report& report) {
    check_relations(config, report);
    check_available(config, report);
  });
}

RunConfig load(std::filesystem::path const& file, std::vector<std::string> const& overrides) {
  return parse(read_text(file), file.string(), overrides);
}

}  // namespace atl::deck
