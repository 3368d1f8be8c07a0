#include "train/chaos.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/clock.hpp"
#include "base/durable_file.hpp"
#include "base/log.hpp"
#include "base/open_file.hpp"
#include "deck/names.hpp"

namespace atl::train {

using deck::ChaosKind;

namespace {

bool needs_hand(ChaosKind kind) { return kind == ChaosKind::kill || kind == ChaosKind::stall; }
bool is_of_link(ChaosKind kind) { return kind == ChaosKind::partition || kind == ChaosKind::corrupt; }

}  // namespace

std::unique_ptr<Chaos> Chaos::of(deck::RunConfig const& config, RunFolder const& folder,
                                 comm::World const& world, double start_s) {
  if (config.chaos.empty() && config.storm.faults_per_hour == 0) return nullptr;
  return std::unique_ptr<Chaos>(new Chaos(config, folder, world, start_s));
}

Chaos::Chaos(deck::RunConfig const& config, RunFolder const& folder, comm::World const& world, double start_s)
    : world_(world), file_(folder.chaos()), start_s_(start_s), storm_start_s_(start_s) {
  bool const is_shard = world.in_deck.role == comm::Role::shard;
  bool strikes = false;
  for (std::size_t entry = 0; entry < config.chaos.size(); ++entry) {
    auto const& fault = config.chaos[entry];
    if ((is_shard ? fault.shard : fault.site) != world.in_deck.group) continue;
    scripted_.push_back({entry, fault});
    strikes = strikes || needs_hand(fault.kind);
  }
  if (config.storm.faults_per_hour > 0) {
    storm_.emplace(config);
    strikes = strikes || std::ranges::any_of(config.storm.kinds, needs_hand);
  }
  read_what_was_done();
  // What was to hit this process before it was there has missed it.
  while (storm_ && storm_start_s_ + storm_->at_s() < base::now_s()) storm_->take();
  if (strikes) hand_ = std::make_unique<ChaosHand>();
}

// A storm goes on where an earlier life of the run has left it, as its first line tells.
void Chaos::read_what_was_done() {
  std::istringstream lines(base::read_text(file_).value_or(""));
  bool is_first = true;
  for (std::string line; std::getline(lines, line);) {
    auto const told = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!told.is_object()) continue;  // torn
    try {
      if (std::exchange(is_first, false))
        storm_start_s_ = base::now_s() -
                         (base::unix_s() - told.at("unix_s").get<double>() + told.at("time_s").get<double>());
      if (!told.contains("entry")) continue;
      int const own = world_.in_deck.rank, hit = told.value("rank", own);
      std::erase_if(scripted_, [&](Scripted const& each) {
        return each.entry == told.at("entry") && (each.fault.rank >= 0 || hit == own);
      });
    } catch (nlohmann::json::exception const&) {  // not a line of ours
    }
  }
}

bool Chaos::is_aimed_here(deck::ChaosEntry const& fault) const {
  bool const is_shard = world_.in_deck.role == comm::Role::shard;
  if ((is_shard ? fault.shard : fault.site) != world_.in_deck.group) return false;
  if (is_of_link(fault.kind)) return transport_ != nullptr;
  return is_shard || fault.rank < 0 || fault.rank == world_.in_deck.rank;
}

void Chaos::tick(std::uint64_t step) {
  end_what_is_over(base::now_s());
  auto const is_due = [&](Scripted const& each) {
    return each.fault.at_step <= step && is_aimed_here(each.fault);
  };
  for (auto next = scripted_.begin();
       (next = std::find_if(next, scripted_.end(), is_due)) != scripted_.end();) {
    auto const due = *next;
    next = scripted_.erase(next);
    strike(due.fault, due.entry, step);
  }
  while (storm_ && storm_start_s_ + storm_->at_s() < base::now_s()) {
    auto const fault = storm_->take();
    if (is_aimed_here(fault)) strike(fault, std::nullopt, step);
  }
}

void Chaos::strike(deck::ChaosEntry const& fault, std::optional<std::size_t> entry, std::uint64_t step) {
  Told const told{.entry = entry, .fault = fault, .rank = world_.in_deck.rank, .step = step};
  if (fault.kind == ChaosKind::corrupt) {
    corruptions_.push_back(told);
    return;
  }
  tell("chaos", told);
  double const end_s = base::now_s() + fault.for_s;  // when asked again, a stall is over
  switch (fault.kind) {
    case ChaosKind::kill:
      return hand_->kill();
    case ChaosKind::stall:
      hand_->stall(fault.for_s);
      break;
    case ChaosKind::partition:
      transport_->cut(fault.for_s);
      break;
    default:
      break;  // slow: as long as it lasts
  }
  lasting_.push_back({end_s, told});
}

void Chaos::end_what_is_over(double now_s) {
  auto const lasts = [&](Lasting const& each) { return each.end_s > now_s; };
  auto const over = std::stable_partition(lasting_.begin(), lasting_.end(), lasts);
  for (auto each = over; each != lasting_.end(); ++each) tell("chaos_end", each->told);
  lasting_.erase(over, lasting_.end());
}

double Chaos::slowness() const {
  double most = 1.0;
  for (auto const& each : lasting_) {
    if (each.told.fault.kind == ChaosKind::slow) most = std::max(most, each.told.fault.factor);
  }
  return most;
}

std::optional<deck::Corruption> Chaos::corruption() const {
  if (corruptions_.empty()) return {};
  return corruptions_.front().fault.how;
}

void Chaos::tell_of_corruption() {
  tell("chaos", corruptions_.front());
  corruptions_.pop_front();
}

// One write a line: several processes append to the file.
void Chaos::tell(char const* event, Told const& told) const {
  auto const& fault = told.fault;
  nlohmann::ordered_json line{{"event", event},
                              {"time_s", base::now_s() - start_s_},
                              {"unix_s", base::unix_s()},
                              {"step", told.step},
                              {"do", deck::name(fault.kind)}};
  if (fault.kind == ChaosKind::corrupt) line["how"] = deck::name(fault.how);
  bool const is_shard = fault.shard >= 0;
  line[is_shard ? "shard" : "site"] = is_shard ? fault.shard : fault.site;
  if (!is_shard && !is_of_link(fault.kind)) line["rank"] = told.rank;
  if (needs_hand(fault.kind) ? fault.kind == ChaosKind::stall : fault.kind != ChaosKind::corrupt)
    line["for_s"] = fault.for_s;
  if (fault.kind == ChaosKind::slow) line["factor"] = fault.factor;
  if (told.entry) line["entry"] = *told.entry;
  auto const text = line.dump() + '\n';
  base::log::info(line.dump());
  base::OpenFile(file_, O_WRONLY | O_APPEND | O_CREAT).write(0, std::as_bytes(std::span(text)));
}

}  // namespace atl::train
