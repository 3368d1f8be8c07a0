// What a machine wants said, and to whom.
#pragma once

#include "protocol/message.hpp"

namespace atl::protocol {

struct SendToSite {
  int site = 0;
  Message message;
};
struct SendToShard {
  int shard = 0;
  Message message;
};

}  // namespace atl::protocol
