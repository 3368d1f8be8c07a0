#include "optim/optimizer_shares.hpp"

#include <cstddef>

#include "base/error.hpp"

namespace atl::optim {

namespace {

constexpr std::size_t alignment = 16;  // elements: of vector loops, and a cache line

// Where the buffer can be cut nearest to `place`.
std::size_t nearest_cut(deck::InnerSection const& inner, tensor::ParamTable const& table, std::size_t place) {
  place -= place % alignment;
  for (auto const& tensor : table.tensors()) {
    auto const [begin, size] = tensor.range;
    if (place <= begin || place >= begin + size || !is_updated_whole(inner, tensor)) continue;
    return place - begin < size - (place - begin) ? begin : begin + size;
  }
  return place;
}

}  // namespace

bool is_updated_whole(deck::InnerSection const& inner, tensor::Tensor const& tensor) {
  return inner.optimizer == deck::InnerOptimizerKind::muon && tensor.kind == tensor::Kind::matrix &&
         tensor.layer >= 0;
}

std::vector<tensor::Range> optimizer_shares(deck::InnerSection const& inner, tensor::ParamTable const& table,
                                            int ranks) {
  base::ensure(ranks >= 1, "shares are of at least one rank");
  auto const parts = static_cast<std::size_t>(ranks);
  std::vector<tensor::Range> shares;
  std::size_t begin = 0;
  for (std::size_t part = 1; part <= parts; ++part) {
    std::size_t const end =
        part == parts ? table.size() : nearest_cut(inner, table, table.size() * part / parts);
    shares.push_back({begin, end - begin});
    begin = end;
  }
  return shares;
}

}  // namespace atl::optim
