// A payload as it comes off the wire, of any codec: the first byte says which, the next two how many numbers are expected.
#include <vector>

#include "base/error.hpp"
#include "outer/codec.hpp"
#include "target.hpp"

void feed(atl::fuzz::Bytes input) {
  namespace outer = atl::outer;
  if (input.size() < 3) return;
  auto const number = [&](std::size_t i) { return std::to_integer<std::size_t>(input[i]); };
  auto const codec = static_cast<outer::Codec>(number(0) % 5);
  std::vector<float> numbers(number(1) | number(2) << 8);
  auto payload = input.subspan(3);
  bool const fits = payload.size() >= outer::encoded_bytes(codec, numbers.size());
  if (fits) payload = payload.first(outer::encoded_bytes(codec, numbers.size()));
  try {
    outer::decode(codec, payload, numbers);
    atl::fuzz::require(fits);
  } catch (atl::base::RuntimeFailure const&) {
    atl::fuzz::require(!fits);
    return;
  }
  static_cast<void>(outer::norm(numbers));
  if (!outer::is_finite(numbers)) return;
  // What was decoded once is what its own coding decodes to, but for codes that no encoder writes.
  std::vector<float> again(numbers.size());
  auto const coded = outer::encode(codec, numbers);
  outer::decode(codec, coded, again);
  atl::fuzz::require(outer::is_finite(again) && outer::encode(codec, again) == coded);
}
