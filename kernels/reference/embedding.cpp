#include "kernels/reference/embedding.hpp"

namespace atl::kernels::reference {

Values embedding_forward(Tokens tokens, Input table, std::size_t width) {
  Values x(tokens.size() * width);
  for (std::size_t n = 0; n < tokens.size(); ++n) {
    for (std::size_t c = 0; c < width; ++c) x[n * width + c] = table[tokens[n] * width + c];
  }
  return x;
}

Values embedding_backward(Tokens tokens, Input dx, std::size_t vocabulary) {
  std::size_t const width = dx.size() / tokens.size();
  Values dtable(vocabulary * width, 0.0);
  for (std::size_t n = 0; n < tokens.size(); ++n) {
    for (std::size_t c = 0; c < width; ++c) dtable[tokens[n] * width + c] += dx[n * width + c];
  }
  return dtable;
}

}  // namespace atl::kernels::reference
