// What a method makes of the [outer] section (PROTOCOL.md §7).
#include "deck/deck.hpp"

namespace atl::deck {

bool is_synchronous(Method method) { return method == Method::diloco || method == Method::streaming; }

bool is_of_differences(Codec codec) { return codec != Codec::fp32 && codec != Codec::bf16; }

OuterSection outer_rule(RunConfig const& config) {
  OuterSection rule = config.outer;
  if (is_synchronous(config.run.method)) {
    rule.quorum = config.sites.count;
    rule.anchor = Anchor::base;
    rule.late = Late::drop;
    rule.receive = config.run.method == Method::diloco ? Receive::overwrite : Receive::blend;
  }
  if (config.run.method == Method::diloco) rule.overlap_steps = 0;
  if (config.run.method == Method::diloco || rule.partition == PartitionKind::whole) {
    rule.partition = PartitionKind::whole;
    rule.fragments = 1;
  }
  return rule;
}

}  // namespace atl::deck
