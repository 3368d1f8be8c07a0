#include "app/agreement.hpp"

#include <sstream>
#include <vector>

namespace atl::app {

namespace {

constexpr char field_end = '\x1f';

}  // namespace

std::string packed(base::InputError const& error) {
  std::string text;
  for (auto const& problem : error.problems()) {
    for (auto const* field : {&problem.where, &problem.what, &problem.remedy}) text += *field + field_end;
  }
  return text;
}

base::InputError unpacked(std::string const& text) {
  std::istringstream in(text);
  std::vector<base::Problem> problems;
  for (base::Problem p; std::getline(in, p.where, field_end) && std::getline(in, p.what, field_end) &&
                        std::getline(in, p.remedy, field_end);)
    problems.push_back(p);
  return base::InputError(std::move(problems));
}

}  // namespace atl::app
