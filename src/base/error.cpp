#include "base/error.hpp"

#include <fmt/format.h>

namespace atl::base {

namespace {

std::string describe(std::vector<Problem> const& problems) {
  std::string text;
  for (auto const& problem : problems) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{}: {}", problem.where, problem.what);
    if (!problem.remedy.empty()) text += fmt::format("; {}", problem.remedy);
  }
  return text;
}

}  // namespace

InputError::InputError(std::vector<Problem> problems)
    : std::runtime_error(describe(problems)), problems_(std::move(problems)) {}

InputError::InputError(std::string where, std::string what, std::string remedy)
    : InputError(std::vector<Problem>{{std::move(where), std::move(what), std::move(remedy)}}) {}

RuntimeFailure::RuntimeFailure(std::string const& what, std::source_location where)
    : std::runtime_error(what), place_(fmt::format("{}:{}", where.file_name(), where.line())) {}

void ensure(bool holds, char const* what, std::source_location where) {
  if (!holds) throw RuntimeFailure(fmt::format("{} ({}:{})", what, where.file_name(), where.line()), where);
}

}  // namespace atl::base
