// One direction of a link with a delay and a bandwidth, as a model: it says when what is sent arrives.
#pragma once

#include <cstddef>

namespace atl::transport {

struct LinkModel {
  double delay_s = 0.0;
  double bytes_per_s = 0.0;  // 0: no limit

  bool is_on() const { return delay_s > 0 || bytes_per_s > 0; }
};

// Frames of one lane go one after the other. Control frames pass a bulk frame that is under way, and take
// their share of the bandwidth from the next. It reads no clock: `now_s` never falls.
class ModelledLink {
 public:
  explicit ModelledLink(LinkModel model) : model_(model) {}

  bool is_on() const { return model_.is_on(); }
  // When the next frame of this lane can begin.
  double free_s(bool is_bulk) const { return is_bulk ? bulk_free_s_ : control_free_s_; }
  bool is_free(bool is_bulk, double now_s) const { return free_s(is_bulk) <= now_s; }
  // A frame begins as soon as it can. Returns when it has arrived.
  double send(bool is_bulk, std::size_t bytes, double now_s);

 private:
  LinkModel model_;
  double control_free_s_ = 0.0, bulk_free_s_ = 0.0;
};

}  // namespace atl::transport
