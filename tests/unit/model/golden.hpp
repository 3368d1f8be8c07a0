// The golden files of tests/peers (format: tests/peers/README.md).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deck/config.hpp"
#include "tensor/param_table.hpp"

namespace atl::test {

struct Golden {
  deck::ModelSection model;
  deck::InnerSection inner;
  int steps = 0;
  int sequences = 0;
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<int>> integers;

  // The arrays "<group>/<tensor>" as one flat buffer, laid out by `table`.
  std::vector<float> flat(std::string_view group, tensor::ParamTable const& table) const;
};

Golden read_golden(std::string const& name);

}  // namespace atl::test
