#include "train/chaos_channel.hpp"

#include <limits>
#include <utility>

#include "outer/codec.hpp"

namespace atl::train {

using deck::Corruption;

namespace {

// The numbers of a payload, altered.
template <class Alter>
void alter(outer::Codec codec, std::size_t count, transport::Payload& payload, Alter&& alter_numbers) {
  std::vector<float> numbers(count);
  outer::decode(codec, *payload, numbers);
  alter_numbers(numbers);
  payload = std::make_shared<std::vector<std::byte> const>(outer::encode(codec, numbers));
}

}  // namespace

void ChaosChannel::contribute(protocol::Contribute const& asked, transport::Payload payload) {
  auto sent = asked;
  auto const how = chaos_.corruption();
  bool const is_spoilt = how && spoil(*how, sent.contribution, payload);
  if (is_spoilt) chaos_.tell_of_corruption();
  SiteChannel::contribute(sent, payload);
  if (is_spoilt && how == Corruption::replay) SiteChannel::contribute(sent, payload);
}

bool ChaosChannel::spoil(Corruption how, protocol::Contribution& contribution, transport::Payload& payload) {
  using Damage = transport::MpiTransport::Damage;
  auto const count = plan_.table.fragment(static_cast<int>(contribution.fragment)).size;
  auto const too_old = plan_.outer.max_staleness + 1;
  auto const term = protocol::term_of(contribution.round);
  switch (how) {
    case Corruption::bit:
      chaos_.transport().damage_next(Damage::flipped_bit);
      return true;
    case Corruption::foreign:
      chaos_.transport().damage_next(Damage::foreign);
      return true;
    case Corruption::nan:
      alter(plan_.codec, count, payload,
            [](auto& numbers) { numbers.front() = std::numeric_limits<float>::quiet_NaN(); });
      return true;
    case Corruption::norm:
      alter(plan_.codec, count, payload, [](auto& numbers) {
        for (float& number : numbers) number *= 1000.0f;
      });
      return true;
    case Corruption::replay:
      return true;
    case Corruption::stale:
      if (contribution.base.commits < too_old) return false;
      contribution.base.commits -= too_old;
      return true;
    case Corruption::term:
      if (term == 0) return false;
      contribution.round -= protocol::first_round_of(1);
      return true;
  }
  return false;
}

}  // namespace atl::train
