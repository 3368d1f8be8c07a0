// 128-bit digests (XXH3-128) of payloads, files and states. They find corruption; they are no defence against
// forgery.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace atl::base {

struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(Digest const&) const = default;
  std::string hex() const;                        // 32 lower-case digits
  static Digest from_hex(std::string_view text);  // throws InputError
};

Digest digest_of(std::span<std::byte const> bytes);
Digest digest_of(std::string_view text);
template <class T>
Digest digest_of(std::span<T const> values) {
  return digest_of(std::as_bytes(values));
}

// The digest of a stream that does not fit in memory at once.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;

  void update(std::span<std::byte const> bytes);
  Digest value() const;  // of all bytes so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace atl::base
