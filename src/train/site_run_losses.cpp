// What a site does when a rank of it is lost, or when it has gone wrong.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/memory_archive.hpp"
#include "train/site_return.hpp"
#include "train/site_run.hpp"

namespace atl::train {

namespace {

struct Where {
  std::uint64_t boundaries = 0;  // crossed
  bool is_leader = false;
  bool is_whole = true;
};

}  // namespace

// With what is left they train on where all of them stand at the same boundary, and each has its moments
// whole; the leader's word to the shards stays what it was. Nothing travels.
bool SiteRun::can_go_on_with_fewer() {
  if (plan_.config.sites.repair != deck::Repair::shrink || !can_return(plan_) || replayed_) return false;
  relay_.give_up();
  replica_.give_up();
  inner_->give_up();
  world_.set_site(site_.survivors());
  Where const here{crossed_, channel_ != nullptr,
                   !is_torn_ && !inner_->is_sharded() && !cut_ && !states_.is_open()};
  std::vector<Where> all(static_cast<std::size_t>(site_.size()));
  site_.all_gather(std::as_bytes(std::span(&here, 1)), std::as_writable_bytes(std::span(all)));
  auto const is_with_us = [&](Where const& other) {
    return other.is_whole && other.boundaries == here.boundaries;
  };
  auto const fits = plan_.config.inner.batch % site_.size() == 0;
  if (!fits || !all.front().is_leader || !std::ranges::all_of(all, is_with_us)) return false;
  go_on_with_these();
  base::log::info(fmt::format("{} ranks of site {} are left, and go on", site_.size(), number_));
  return true;
}

void SiteRun::go_on_with_these() {
  states_.before_change();
  base::Values moments;
  base::MemoryWriter writer(moments);
  inner_->save_optimizer(writer);
  inner_ = std::make_unique<InnerStep>(plan_, corpus_, world_, trace_);
  std::vector<std::unique_ptr<base::Reader>> readers;
  readers.push_back(std::make_unique<base::MemoryReader>(moments));
  inner_->load_optimizer(readers);
  inner_->seek(machine_.step());
  if (tape_) tape_ranks();
}

// In a replay those go at a loss that have no place any more, whoever it was then: ranks count by their
// order.
bool SiteRun::is_still_here() {
  auto const left = ranks_left_.find(crossed_);
  if (left == ranks_left_.end() || is_out_ || site_.size() <= left->second) return !is_out_;
  is_out_ = site_.rank() >= left->second;
  replica_.give_up();
  inner_->give_up();
  world_.set_site(comm::Communicator::split(site_.get(), is_out_ ? -1 : 0, site_.rank()));
  if (!is_out_) go_on_with_these();
  return !is_out_;
}

// What is not finite spreads: it must not reach the shards, nor stay. Once in a while a donor's state helps;
// at once again it does not.
void SiteRun::check_health(Record const& record) {
  if (std::isfinite(record.loss) && std::isfinite(record.grad_norm)) return;
  auto const what = fmt::format("the loss of step {} is {} and its gradient norm {}", machine_.step() + 1,
                                record.loss, record.grad_norm);
  bool const can_heal = can_return(plan_) && plan_.config.sites.count > 1 && !replayed_ &&
                        crossed_ - began_training_at_ > plan_.config.outer.interval_steps;
  if (can_heal) {
    base::log::warn(fmt::format("site {}: {}; it takes the state of another", number_, what));
    try {
      come_to_rest();
    } catch (comm::ProcessLost const&) {  // the next life begins with those that are left
    }
    throw MustReturn(what);
  }
  throw base::RuntimeFailure(what + "; lower inner.lr, or clip with inner.clip_norm");
}

}  // namespace atl::train
