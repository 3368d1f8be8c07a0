#include "base/digest.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>

#include "base/error.hpp"

namespace atl::base {

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest Digest::from_hex(std::string_view text) {
  Digest digest;
  auto const parse = [&](std::string_view half, std::uint64_t& value) {
    auto const result = std::from_chars(half.data(), half.data() + half.size(), value, 16);
    return result.ec == std::errc{} && result.ptr == half.data() + half.size();
  };
  if (text.size() != 32 || !parse(text.substr(0, 16), digest.high) || !parse(text.substr(16), digest.low)) {
    throw InputError("digest", fmt::format("'{}' is not a digest", text), "32 hexadecimal digits are needed");
  }
  return digest;
}

Digest digest_of(std::span<std::byte const> bytes) {
  auto const hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

Digest digest_of(std::string_view text) { return digest_of(std::as_bytes(std::span(text))); }

struct DigestStream::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() { XXH3_128bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  State(State const&) = delete;
  State& operator=(State const&) = delete;
};

DigestStream::DigestStream() : state_(std::make_unique<State>()) {}
DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::update(std::span<std::byte const> bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

Digest DigestStream::value() const {
  auto const hash = XXH3_128bits_digest(state_->xxh);
  return {hash.high64, hash.low64};
}

}  // namespace atl::base
