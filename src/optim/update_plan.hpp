// What becomes of every element of a share: by which rule it is updated, and where its moments are.
#pragma once

#include <cstddef>
#include <vector>

#include "deck/config.hpp"
#include "optim/moments.hpp"
#include "tensor/param_table.hpp"

namespace atl::optim {

struct UpdatePlan {
  // Neighbours in the flat buffer that are updated element by element and decay alike.
  struct Stretch {
    tensor::Range range;    // of the flat buffer
    std::size_t place = 0;  // of its first element in the moments
    bool decays = false;
  };
  struct Matrix {
    tensor::Range range;
    std::size_t place = 0;
    std::size_t rows = 0, cols = 0;
  };

  // The share must not cut what is updated whole.
  UpdatePlan(deck::InnerSection const& inner, tensor::ParamTable const& table, tensor::Range share);

  std::vector<Stretch> stretches;
  std::vector<Matrix> matrices;  // of Muon
  Moments::Extent elementwise;   // moments of the stretches
  Moments::Extent orthogonal;    // and of the matrices

 private:
  void add_stretch(tensor::Range range, std::size_t place, bool decays);
};

}  // namespace atl::optim
