#include "kernels/reference/newton_schulz.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/reference/matmul.hpp"

namespace atl::kernels::reference {

// Term by term, and always with A = x x^T: where rows > cols that is the longer way to the same matrix.
Values newton_schulz(Values x, std::size_t rows, std::size_t cols) {
  double const norm = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  for (double& element : x) element /= std::max(norm, 1e-7);
  for (int step = 0; step < 5; ++step) {
    Values const gram = matmul_nt(x, x, {rows, rows, cols});
    Values const once = matmul_nn(gram, x, {rows, cols, rows});
    Values const twice = matmul_nn(gram, once, {rows, cols, rows});
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = 3.4445 * x[i] - 4.7750 * once[i] + 2.0315 * twice[i];
    }
  }
  return x;
}

}  // namespace atl::kernels::reference
