#include "sim/coverage.hpp"

namespace atl::sim {

namespace {

template <class... Kinds>
bool is_one_of(std::size_t message) {
  return ((message == protocol::Message(Kinds{}).index()) || ...);
}

}  // namespace

char const* why_never(std::size_t message, FaultKind fault) {
  using namespace protocol;
  bool const is_of_site = fault == FaultKind::slow || fault == FaultKind::loss ||
                          fault == FaultKind::notice || fault == FaultKind::rebirth;
  if (is_of_site && is_one_of<Replica, ReplicaAck, Alive>(message))
    return "goes between shards, and such faults are of sites";
  if (is_one_of<Depart>(message)) return "comes to a site from its own side, by no link";
  if (is_one_of<Recruit>(message)) return "is for processes, which are not simulated";
  if (fault != FaultKind::shard_loss) return nullptr;
  if (is_one_of<StateRequest, StateData>(message)) return "goes between sites";
  if (is_one_of<Report>(message)) return "goes from a site to shard 0, which is never lost";
  if (is_one_of<Marker>(message)) return "belongs to snapshots, which storms with backups do not take";
  return nullptr;
}

}  // namespace atl::sim
