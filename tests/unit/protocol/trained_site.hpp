// A site for tests: steps of 100 tokens, and words for the events that reach it.
#pragma once

#include <vector>

#include "actions.hpp"
#include "protocol/site_machine.hpp"

namespace atl::test {

inline protocol::HeldRelease release(std::uint64_t round, std::uint64_t version, protocol::Fate fate = {},
                                     std::uint32_t fragment = 0) {
  return {.release = {.fragment = fragment, .round = round, .version = {0, version}, .fate = fate},
          .payload = 1000 * (fragment + 1) + version};
}
inline protocol::Pull pull(std::uint64_t round, protocol::Fate fate = {}, std::uint32_t fragment = 0) {
  return {.fragment = fragment, .round = round, .fate = fate};
}
inline protocol::FateNotice notice(protocol::Fate fate, std::uint32_t fragment = 0) {
  return {.fragment = fragment, .fate = fate};
}
inline protocol::Fate merged(std::uint64_t round) { return {round, protocol::Outcome::merged, {}}; }
inline protocol::Fate absent(std::uint64_t round) { return {round, protocol::Outcome::absent, {}}; }
inline protocol::Fate dropped(std::uint64_t round) {
  return {round, protocol::Outcome::dropped, protocol::Reason::unknown_round};
}
inline protocol::Fate rejected(std::uint64_t round) {
  return {round, protocol::Outcome::rejected, protocol::Reason::not_finite};
}

// `steps` steps of 100 tokens.
inline protocol::Work work(std::uint64_t steps) { return {steps, 100 * steps}; }

inline protocol::Progress progress_of(std::vector<protocol::SiteAction> const& actions) {
  return only<protocol::SendProgress>(actions).at(0).progress;
}

// The fragments that are contributed, in order.
inline std::vector<std::uint32_t> contributed(std::vector<protocol::SiteAction> const& actions) {
  std::vector<std::uint32_t> fragments;
  for (auto const& action : only<protocol::Contribute>(actions)) {
    fragments.push_back(action.contribution.fragment);
  }
  return fragments;
}

class TrainedSite : public protocol::SiteMachine {
 public:
  using Events = std::vector<protocol::SiteEvent>;
  using Actions = std::vector<protocol::SiteAction>;

  using SiteMachine::SiteMachine;

  Actions train(Events const& events = {}) {
    return on_boundary(protocol::StepDone{.tokens = 100, .step_s = 0.5, .loss = 2.0}, events);
  }
  void train_for(int count) {
    for (int i = 0; i < count; ++i) train();
  }
  // A boundary without a step.
  Actions stand(Events const& events = {}) { return on_boundary(std::nullopt, events); }
};

// Has adopted version 0 of every fragment.
inline TrainedSite started_site(protocol::SiteMachine::Options options) {
  TrainedSite site(options);
  TrainedSite::Events events;
  for (int p = 0; p < options.fragments; ++p)
    events.push_back(release(0, 0, {}, static_cast<std::uint32_t>(p)));
  site.stand(events);
  return site;
}

}  // namespace atl::test
