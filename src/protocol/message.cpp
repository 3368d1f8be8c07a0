#include "protocol/message.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/error.hpp"

namespace atl::protocol {

namespace {

// ---- the fields of every type, once for both directions ----

template <class T, class Type>
concept Is = std::same_as<std::remove_const_t<T>, Type>;

auto fields(Is<base::Digest> auto& m) { return std::tie(m.high, m.low); }
auto fields(Is<Version> auto& m) { return std::tie(m.term, m.commits); }
auto fields(Is<Work> auto& m) { return std::tie(m.steps, m.tokens); }
auto fields(Is<Fate> auto& m) { return std::tie(m.round, m.outcome, m.reason); }

auto fields(Is<Hello> auto& m) {
  return std::tie(m.version, m.incarnation, m.heals, m.parameters, m.agreement);
}
auto fields(Is<Seat> auto& m) { return std::tie(m.seat, m.term, m.from, m.owner, m.backup, m.claims); }
auto fields(Is<Welcome> auto& m) { return std::tie(m.refusal, m.shard, m.donors, m.step, m.seats); }
auto fields(Is<Progress::Fragment> auto& m) {
  return std::tie(m.fragment, m.base, m.unsent, m.pending, m.round, m.open_round, m.lacks);
}
auto fields(Is<Progress> auto& m) {
  return std::tie(m.incarnation, m.step, m.step_s, m.loss, m.heals, m.holding, m.stop_requested, m.fragments);
}
auto fields(Is<Pull> auto& m) { return std::tie(m.fragment, m.round, m.fate); }
auto fields(Is<Cancel> auto& m) { return std::tie(m.fragment, m.round); }
auto fields(Is<Contribution> auto& m) {
  return std::tie(m.fragment, m.round, m.incarnation, m.base, m.step, m.work);
}
auto fields(Is<Release> auto& m) { return std::tie(m.fragment, m.round, m.version, m.fate, m.since); }
auto fields(Is<FateNotice> auto& m) { return std::tie(m.fragment, m.fate); }
auto fields(Is<StateRequest> auto& m) { return std::tie(m.site, m.incarnation); }
auto fields(Is<StateData> auto& m) { return std::tie(m.incarnation, m.step); }
auto fields(Is<UsualNorm> auto& m) { return std::tie(m.merged, m.mean, m.variance); }
auto fields(Is<Replica::Site> auto& m) { return std::tie(m.fates, m.needed); }
auto fields(Is<Replica> auto& m) { return std::tie(m.fragment, m.version, m.next_due, m.sites, m.usual); }
auto fields(Is<ReplicaAck> auto& m) { return std::tie(m.fragment, m.version); }
auto fields(Is<Alive> auto&) { return std::tuple<>(); }
auto fields(Is<PromiseRequest> auto& m) { return std::tie(m.seat, m.term, m.from, m.shard); }
auto fields(Is<Promise> auto& m) { return std::tie(m.incarnation, m.seat, m.term, m.shard, m.claims); }
auto fields(Is<Marker> auto& m) { return std::tie(m.id, m.step, m.bulk); }
auto fields(Is<Hold> auto& m) { return std::tie(m.id, m.purpose); }
auto fields(Is<Held> auto& m) { return std::tie(m.id); }
auto fields(Is<Save> auto& m) { return std::tie(m.id, m.step); }
auto fields(Is<SavedFile> auto& m) { return std::tie(m.name, m.bytes, m.digest); }
auto fields(Is<Saved> auto& m) { return std::tie(m.id, m.files, m.failure); }
auto fields(Is<Go> auto& m) { return std::tie(m.id, m.leave); }
auto fields(Is<Report> auto& m) { return std::tie(m.line); }
auto fields(Is<Bye> auto&) { return std::tuple<>(); }

template <class Enum>
constexpr Enum last_of;
template <>
constexpr Outcome last_of<Outcome> = Outcome::absent;
template <>
constexpr Reason last_of<Reason> = Reason::old_term;
template <>
constexpr Purpose last_of<Purpose> = Purpose::finish;

// ---- writing ----

class Encoder {
 public:
  void put(std::unsigned_integral auto value) {
    for (std::size_t i = 0; i < sizeof value; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  void put(bool value) { put(static_cast<std::uint8_t>(value)); }
  void put(double value) { put(std::bit_cast<std::uint64_t>(value)); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void put(Enum value) { put(static_cast<std::uint8_t>(value)); }
  void put(std::string const& text) {
    put_length(text.size());
    for (char const c : text) bytes_.push_back(static_cast<std::byte>(c));
  }
  template <class T>
  void put(std::optional<T> const& item) {
    put(item.has_value());
    if (item) put(*item);
  }
  template <class T>
  void put(std::vector<T> const& items) {
    put_length(items.size());
    for (T const& item : items) put(item);
  }
  template <class T>
  requires requires(T const& value) { fields(value); }
  void put(T const& value) {
    std::apply([this](auto const&... field) { (put(field), ...); }, fields(value));
  }

  std::vector<std::byte> take() && {
    base::ensure(bytes_.size() <= max_message_bytes, "a message is longer than its limit");
    return std::move(bytes_);
  }

 private:
  void put_length(std::size_t length) {
    base::ensure(length <= max_message_bytes, "a message is longer than its limit");
    put(static_cast<std::uint32_t>(length));
  }

  std::vector<std::byte> bytes_;
};

// ---- reading ----

[[noreturn]] void refuse(char const* why) {
  throw base::RuntimeFailure(std::string("damaged message: ") + why);
}

// Takes what Encoder wrote and nothing else: equal bytes and equal messages are the same thing.
class Decoder {
 public:
  explicit Decoder(std::span<std::byte const> bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  void get(T& value) {
    auto const bytes = take(sizeof(T));
    value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(bytes[i]) << (8 * i)));
    }
  }
  void get(bool& value) {
    auto const number = get_number<std::uint8_t>();
    if (number > 1) refuse("neither true nor false");
    value = number == 1;
  }
  void get(double& value) { value = std::bit_cast<double>(get_number<std::uint64_t>()); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void get(Enum& value) {
    auto const number = get_number<std::uint8_t>();
    if (number > static_cast<std::uint8_t>(last_of<Enum>)) refuse("a choice that does not exist");
    value = static_cast<Enum>(number);
  }
  void get(std::string& text) {
    auto const bytes = take(get_number<std::uint32_t>());
    text.assign(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  }
  template <class T>
  void get(std::optional<T>& item) {
    item.reset();
    if (get_number<bool>()) get(item.emplace());
  }
  template <class T>
  void get(std::vector<T>& items) {
    auto const length = get_number<std::uint32_t>();
    if (length > rest_.size()) refuse("an impossible length");  // every item takes a byte at least
    for (std::uint32_t i = 0; i < length; ++i) get(items.emplace_back());
  }
  template <class T>
  requires requires(T& value) { fields(value); }
  void get(T& value) {
    std::apply([this](auto&... field) { (get(field), ...); }, fields(value));
  }

  bool is_at_end() const { return rest_.empty(); }

 private:
  template <class T>
  T get_number() {
    T value = 0;
    get(value);
    return value;
  }
  std::span<std::byte const> take(std::size_t length) {
    if (length > rest_.size()) refuse("truncated");
    auto const taken = rest_.first(length);
    rest_ = rest_.subspan(length);
    return taken;
  }

  std::span<std::byte const> rest_;
};

template <std::size_t... index>
Message decode_alternative(std::size_t type, Decoder& decoder, std::index_sequence<index...>) {
  Message message;
  bool const known = ((type == index && (decoder.get(message.emplace<index>()), true)) || ...);
  if (!known) refuse("unknown type");
  return message;
}

}  // namespace

char const* kind_name(std::size_t index) {
  static constexpr std::array names{"hello",        "welcome",         "progress",   "pull",    "cancel",
                                    "contribution", "release",         "fate",       "hold",    "held",
                                    "save",         "saved",           "go",         "report",  "bye",
                                    "seat",         "state_request",   "state_data", "replica", "replica_ack",
                                    "alive",        "promise_request", "promise",    "marker"};
  static_assert(names.size() == std::variant_size_v<Message>);
  return names.at(index);
}

bool is_bulk(Message const& message) {
  if (auto const* marker = std::get_if<Marker>(&message)) return marker->bulk;
  return std::holds_alternative<Contribution>(message) || std::holds_alternative<Release>(message) ||
         std::holds_alternative<StateData>(message) || std::holds_alternative<Replica>(message);
}

std::vector<std::byte> encode(Message const& message) {
  Encoder encoder;
  encoder.put(static_cast<std::uint8_t>(message.index()));
  std::visit([&](auto const& content) { encoder.put(content); }, message);
  return std::move(encoder).take();
}

Message decode(std::span<std::byte const> bytes) {
  if (bytes.size() > max_message_bytes) refuse("too long");
  Decoder decoder(bytes);
  std::uint8_t type = 0;
  decoder.get(type);
  auto message = decode_alternative(type, decoder, std::make_index_sequence<std::variant_size_v<Message>>());
  if (!decoder.is_at_end()) refuse("bytes after its end");
  return message;
}

}  // namespace atl::protocol
