#include "transport/modelled_link.hpp"

#include <algorithm>

namespace atl::transport {

double ModelledLink::send(bool is_bulk, std::size_t bytes, double now_s) {
  double const takes_s = model_.bytes_per_s > 0 ? static_cast<double>(bytes) / model_.bytes_per_s : 0.0;
  double& own_free_s = is_bulk ? bulk_free_s_ : control_free_s_;
  own_free_s = std::max(own_free_s, now_s) + takes_s;
  if (!is_bulk) bulk_free_s_ = std::max(bulk_free_s_, now_s) + takes_s;
  return own_free_s + model_.delay_s;
}

}  // namespace atl::transport
