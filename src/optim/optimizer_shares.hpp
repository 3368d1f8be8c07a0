// ZeRO-1: which elements of the flat parameters each rank of a site updates and keeps moments for.
#pragma once

#include <vector>

#include "deck/config.hpp"
#include "tensor/param_table.hpp"

namespace atl::optim {

// True of the tensors that Muon makes orthogonal: the matrices of the layers. Embeddings, an untied head and
// vectors go by AdamW. Always false with other optimizers.
bool is_updated_whole(deck::InnerSection const& inner, tensor::Tensor const& tensor);

// One range per rank, in rank order, that together cover the flat buffer without gap or overlap (Rajbhandari
// et al., arXiv 1910.02054, stage 1). As equal as may be: cuts lie on multiples of 16 elements, but one that
// would split what is updated whole goes to the nearer end of it. Ranges can be empty.
std::vector<tensor::Range> optimizer_shares(deck::InnerSection const& inner, tensor::ParamTable const& table,
                                            int ranks);

}  // namespace atl::optim
