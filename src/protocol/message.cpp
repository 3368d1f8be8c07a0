#include "protocol/message.hpp"

#include <array>

#include "base/error.hpp"
#include "protocol/message_fields.hpp"

namespace atl::protocol {

char const* kind_name(std::size_t index) {
  static constexpr std::array names{"hello",        "welcome",         "progress",   "pull",    "cancel",
                                    "contribution", "release",         "fate",       "hold",    "held",
                                    "save",         "saved",           "go",         "report",  "bye",
                                    "seat",         "state_request",   "state_data", "replica", "replica_ack",
                                    "alive",        "promise_request", "promise",    "marker",  "depart",
                                    "recruit"};
  static_assert(names.size() == std::variant_size_v<Message>);
  return names.at(index);
}

bool is_bulk(Message const& message) {
  if (auto const* marker = std::get_if<Marker>(&message)) return marker->bulk;
  return std::holds_alternative<Contribution>(message) || std::holds_alternative<Release>(message) ||
         std::holds_alternative<StateData>(message) || std::holds_alternative<Replica>(message);
}

std::vector<std::byte> encode(Message const& message) {
  Encoder encoder(max_message_bytes);
  encoder.put(message);
  return std::move(encoder).take();
}

Message decode(std::span<std::byte const> bytes) {
  if (bytes.size() > max_message_bytes) throw base::RuntimeFailure("damaged message: too long");
  Decoder decoder("message", bytes);
  Message message;
  decoder.get(message);
  decoder.end();
  return message;
}

}  // namespace atl::protocol
