#include "optim/update_plan.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "optim/optimizer_shares.hpp"

namespace atl::optim {

UpdatePlan::UpdatePlan(deck::InnerSection const& inner, tensor::ParamTable const& table,
                       tensor::Range share) {
  std::size_t const share_end = share.offset + share.size;
  base::ensure(share_end <= table.size(), "a share lies within the parameters");
  for (int p = 0; p < table.fragments(); ++p) {
    for (tensor::Tensor const* tensor : table.tensors_of(p)) {
      bool const whole = is_updated_whole(inner, *tensor);
      auto& extent = whole ? orthogonal : elementwise;
      std::size_t const begin = std::max(share.offset, tensor->range.offset);
      std::size_t const end = std::min(share_end, tensor->range.offset + tensor->size());
      if (begin < end) {
        tensor::Range const mine{begin, end - begin};
        std::size_t const place = extent.size + begin - tensor->range.offset;
        base::ensure(!whole || mine.size == tensor->size(), "Muon's matrices are not cut");
        if (extent.share.size == 0) extent.share.offset = place;
        extent.share.size += mine.size;
        if (whole) {
          matrices.push_back({mine, place, tensor->rows, tensor->cols});
        } else {
          add_stretch(mine, place, tensor->kind != tensor::Kind::vector);
        }
      }
      extent.size += tensor->size();
    }
  }
}

void UpdatePlan::add_stretch(tensor::Range range, std::size_t place, bool decays) {
  bool const goes_on = !stretches.empty() && stretches.back().decays == decays &&
                       stretches.back().range.offset + stretches.back().range.size == range.offset;
  if (goes_on) {
    stretches.back().range.size += range.size;
  } else {
    stretches.push_back({range, place, decays});
  }
}

}  // namespace atl::optim
