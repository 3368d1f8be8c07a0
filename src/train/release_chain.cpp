#include "train/release_chain.hpp"

#include <cstddef>
#include <memory>

#include "outer/codec.hpp"

namespace atl::train {

ReleaseChain::ReleaseChain(RunPlan const& plan)
    : plan_(plan), newest_(plan.difference_codec ? static_cast<std::size_t>(plan.table.fragments()) : 0) {}

bool ReleaseChain::fits(protocol::Release const& release, transport::Payload const& payload) const {
  bool const is_known = release.fragment < static_cast<std::uint32_t>(plan_.table.fragments());
  if (!payload || !is_known || (release.since && !plan_.difference_codec)) return false;
  auto const codec = release.since ? *plan_.difference_codec : plan_.release_codec;
  auto const size = plan_.table.fragment(static_cast<int>(release.fragment)).size;
  return payload->size() == outer::encoded_bytes(codec, size);
}

transport::Payload ReleaseChain::whole(protocol::Release const& release, transport::Payload payload) {
  if (newest_.empty()) return payload;
  auto& newest = newest_.at(release.fragment);
  if (release.since) {
    if (!newest.theta || newest.version != *release.since) return nullptr;
    payload = std::make_shared<std::vector<std::byte> const>(
        outer::moved(*newest.theta, *plan_.difference_codec, *payload));
    std::vector<float> room;
    auto const size = payload->size() / sizeof(float);
    if (!outer::is_finite(outer::decoded(plan_.release_codec, *payload, size, room))) return nullptr;
  }
  if (!newest.theta || release.version >= newest.version) newest = {release.version, payload};
  return payload;
}

}  // namespace atl::train
