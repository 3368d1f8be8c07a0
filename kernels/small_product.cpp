#include "kernels/small_product.hpp"

#include "kernels/loops.hpp"
#include "kernels/operations.hpp"
#include "kernels/tile.hpp"

namespace atl::kernels {
namespace {

using tile::lanes;
using tile::Left;
using tile::Rows;

// What is left of the columns, fewer than lanes.
void multiply_edge(Left const& a, Rows<float const> const& b, std::size_t inner, bool adds,
                   Rows<float> const& out, std::size_t height, std::size_t width) {
  for (std::size_t r = 0; r < height; ++r) {
    float sums[lanes] = {};
    for (std::size_t k = 0; k < inner; ++k) {
      float const x = a.data[r * a.row + k * a.col];
      for (std::size_t c = 0; c < width; ++c) sums[c] += x * *b.at(k, c);
    }
    for (std::size_t c = 0; c < width; ++c) *out.at(r, c) = adds ? *out.at(r, c) + sums[c] : sums[c];
  }
}

// `Height` rows of the output, all columns.
template <std::size_t Height>
void multiply_rows(Left const& a, Rows<float const> const& b, std::size_t inner, bool adds,
                   Rows<float> const& out, std::size_t cols) {
  std::size_t c = 0;
  auto const from = [&] { return Rows<float const>{b.at(0, c), b.stride}; };
  auto const to = [&] { return Rows<float>{out.at(0, c), out.stride}; };
  for (; c + tile::width <= cols; c += tile::width)
    tile::multiply<Height, tile::vectors>(a, from(), inner, adds, to());
  for (; c + lanes <= cols; c += lanes) tile::multiply<Height, 1>(a, from(), inner, adds, to());
  if (c < cols) multiply_edge(a, from(), inner, adds, to(), Height, cols - c);
}

void multiply(Exec const& exec, char const* label, Left const& a, Tensor2<float const> const& b,
              Update update, Tensor2<float> const& out) {
  using Kernel =
      void (*)(Left const&, Rows<float const> const&, std::size_t, bool, Rows<float> const&, std::size_t);
  constexpr Kernel kernels[] = {multiply_rows<1>, multiply_rows<2>, multiply_rows<3>,
                                multiply_rows<4>, multiply_rows<5>, multiply_rows<tile::height>};
  std::size_t const rows = out.extent(0), cols = out.extent(1), inner = b.extent(0);
  bool const adds = update == Update::add;
  product_operations += 2 * rows * cols * inner;
  for_blocks(exec, label, rows, tile::height, [=](std::size_t begin, std::size_t end) {
    kernels[end - begin - 1]({a.data + begin * a.row, a.row, a.col}, {b.data(), b.stride(0)}, inner, adds,
                             {out.data() + begin * out.stride(0), out.stride(0)}, cols);
  });
}

}  // namespace

void small_product_nn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
                      Tensor2<float> out) {
  multiply(exec, "small_product_nn", {a.data(), a.stride(0), 1}, b, update, out);
}

void small_product_tn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
                      Tensor2<float> out) {
  multiply(exec, "small_product_tn", {a.data(), 1, a.stride(0)}, b, update, out);
}

void transpose(Exec const& exec, Tensor2<float const> x, Tensor2<float> out) {
  std::size_t const cols = x.extent(1), whole = cols / lanes * lanes;
  for_blocks(exec, "transpose", x.extent(0), lanes, [=](std::size_t begin, std::size_t end) {
    bool const is_whole = end - begin == lanes;
    for (std::size_t c = 0; is_whole && c < whole; c += lanes)
      tile::transpose(&x(begin, c), x.stride(0), &out(c, begin), out.stride(0));
    for (std::size_t c = is_whole ? whole : 0; c < cols; ++c) {
      for (std::size_t r = begin; r < end; ++r) out(c, r) = x(r, c);
    }
  });
}

}  // namespace atl::kernels
