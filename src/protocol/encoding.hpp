// How the protocol's records become bytes and come back: messages (message.hpp) and the tape (tape.hpp).
// A type takes part by `fields(value)`, found by its namespace: its members, once for both directions.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "protocol/types.hpp"

namespace atl::protocol {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

template <class T, class Type>
concept Is = std::same_as<std::remove_const_t<T>, Type>;

auto fields(Is<base::Digest> auto& m) { return std::tie(m.high, m.low); }
auto fields(Is<Version> auto& m) { return std::tie(m.term, m.commits); }
auto fields(Is<Work> auto& m) { return std::tie(m.steps, m.tokens); }
auto fields(Is<Fate> auto& m) { return std::tie(m.round, m.outcome, m.reason); }

// The last enumerator: what lies behind it is no value.
template <class Enum>
constexpr Enum last_of;
template <>
inline constexpr Outcome last_of<Outcome> = Outcome::absent;
template <>
inline constexpr Reason last_of<Reason> = Reason::old_term;

// Little-endian; lengths are 32 bits, choices 8.
class Encoder {
 public:
  explicit Encoder(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void put(std::unsigned_integral auto value) {
    auto const at = bytes_.size();
    bytes_.resize(at + sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i) bytes_[at + i] = static_cast<std::byte>(value >> (8 * i));
  }
  void put(bool value) { put(static_cast<std::uint8_t>(value)); }
  void put(float value) { put(std::bit_cast<std::uint32_t>(value)); }
  void put(double value) { put(std::bit_cast<std::uint64_t>(value)); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void put(Enum value) { put(static_cast<std::uint8_t>(value)); }
  void put(std::string const& text) {
    put_length(text.size());
    auto const bytes = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  template <class T>
  void put(std::vector<T> const& items) {
    put_length(items.size());
    for (T const& item : items) put(item);
  }
  // Large ones: as they lie in memory.
  void put(std::vector<float> const& items) {
    put_length(items.size());
    auto const bytes = std::as_bytes(std::span(items));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  template <class T>
  void put(std::optional<T> const& item) {
    put(item.has_value());
    if (item) put(*item);
  }
  template <class Key, class T>
  void put(std::map<Key, T> const& items) {
    put_length(items.size());
    for (auto const& [key, item] : items) {
      put(key);
      put(item);
    }
  }
  template <class... T>
  void put(std::variant<T...> const& choice) {
    put(static_cast<std::uint8_t>(choice.index()));
    std::visit([this](auto const& content) { put(content); }, choice);
  }
  template <class T>
  requires requires(T const& value) { fields(value); }
  void put(T const& value) {
    std::apply([this](auto const&... field) { (put(field), ...); }, fields(value));
  }

  std::vector<std::byte> take() && {
    base::ensure(bytes_.size() <= max_bytes_, "a record is longer than its limit");
    return std::move(bytes_);
  }

 private:
  void put_length(std::size_t length) {
    base::ensure(length <= max_bytes_, "a record is longer than its limit");
    put(static_cast<std::uint32_t>(length));
  }

  std::size_t max_bytes_;
  std::vector<std::byte> bytes_;
};

// Takes what Encoder wrote and nothing else: equal bytes and equal records are the same thing. Throws
// RuntimeFailure for all other bytes, before anything is allocated for them.
class Decoder {
 public:
  // `what`: "message", for the error text.
  Decoder(char const* what, std::span<std::byte const> bytes) : what_(what), rest_(bytes) {}

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
  void get(float& value) { value = std::bit_cast<float>(get_number<std::uint32_t>()); }
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
  void get(std::vector<T>& items) {
    auto const length = get_number<std::uint32_t>();
    if (length > rest_.size()) refuse("an impossible length");  // every item takes a byte at least
    for (std::uint32_t i = 0; i < length; ++i) get(items.emplace_back());
  }
  void get(std::vector<float>& items) {
    auto const bytes = take(sizeof(float) * std::size_t{get_number<std::uint32_t>()});
    items.resize(bytes.size() / sizeof(float));
    if (!items.empty()) std::memcpy(items.data(), bytes.data(), bytes.size());
  }
  template <class T>
  void get(std::optional<T>& item) {
    bool is_there = false;
    get(is_there);
    item.reset();
    if (is_there) get(item.emplace());
  }
  template <class Key, class T>
  void get(std::map<Key, T>& items) {
    items.clear();
    for (auto length = get_number<std::uint32_t>(); length > 0; --length) {
      Key key;
      get(key);
      if (!items.empty() && !(items.rbegin()->first < key)) refuse("names out of order");
      get(items[std::move(key)]);
    }
  }
  template <class... T>
  void get(std::variant<T...>& choice) {
    auto const index = get_number<std::uint8_t>();
    if (index >= sizeof...(T)) refuse("an unknown type");
    std::size_t alternative = 0;
    ((alternative++ == index ? get(choice.template emplace<T>()) : void()), ...);
  }
  template <class T>
  requires requires(T& value) { fields(value); }
  void get(T& value) {
    std::apply([this](auto&... field) { (get(field), ...); }, fields(value));
  }

  bool is_at_end() const { return rest_.empty(); }
  void end() const {
    if (!is_at_end()) refuse("bytes after its end");
  }

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
  [[noreturn]] void refuse(char const* why) const {
    throw base::RuntimeFailure(std::string("damaged ") + what_ + ": " + why);
  }

  char const* what_;
  std::span<std::byte const> rest_;
};

}  // namespace atl::protocol
