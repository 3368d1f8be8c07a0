#include "kernels/reference/bias.hpp"

namespace atl::kernels::reference {

// Row n of y takes row n % period of the bias: both are packed, so their elements meet modulo the bias.
Values bias_forward(Input y, Input bias) {
  Values sum(y.begin(), y.end());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += bias[i % bias.size()];
  return sum;
}

Values bias_backward(Input dy, std::size_t size) {
  Values dbias(size, 0.0);
  for (std::size_t i = 0; i < dy.size(); ++i) dbias[i % size] += dy[i];
  return dbias;
}

}  // namespace atl::kernels::reference
