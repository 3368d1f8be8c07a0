// Twin of kernels/embedding.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

Values embedding_forward(Tokens tokens, Input table, std::size_t width);
Values embedding_backward(Tokens tokens, Input dx, std::size_t vocabulary);  // dtable

}  // namespace atl::kernels::reference
