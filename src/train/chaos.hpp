// Faults by the deck, for trials: each process carries out what is aimed at it, and tells of it in
// chaos.jsonl before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.hpp"
#include "deck/config.hpp"
#include "train/chaos_hand.hpp"
#include "train/chaos_storm.hpp"
#include "train/run_folder.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::train {

class Chaos {
 public:
  // Null where the deck scripts nothing. What the file tells of was done, by a process of this run that was
  // lost or is of an earlier life. `config`, `world`: outlive it.
  static std::unique_ptr<Chaos> of(deck::RunConfig const& config, RunFolder const& folder,
                                   comm::World const& world, double start_s);
  // This process talks to the syncer, or to sites, by `transport`: what is done to links is its part.
  void speak_by(transport::MpiTransport& transport) { transport_ = &transport; }

  // Before each life of a site: who leads it now may not have, when something was done to its leader.
  void read_what_was_done();
  // Called often, with the site's step or the shard's clock: what is due is done.
  void tick(std::uint64_t step);
  // How many times as long a step takes now.
  double slowness() const;

  // What the next contribution is to suffer.
  std::optional<deck::Corruption> corruption() const;
  void tell_of_corruption();  // it will, now
  transport::MpiTransport& transport() const { return *transport_; }

 private:
  struct Scripted {
    std::size_t entry = 0;  // in the deck
    deck::ChaosEntry fault;
  };
  // What is told of a fault: a line of the file.
  struct Told {
    std::optional<std::size_t> entry;
    deck::ChaosEntry fault;
    int rank = 0;
    std::uint64_t step = 0;
  };
  struct Lasting {
    double end_s = 0.0;
    Told told;
  };

  Chaos(deck::RunConfig const& config, RunFolder const& folder, comm::World const& world, double start_s);
  bool is_aimed_here(deck::ChaosEntry const& fault) const;
  void strike(deck::ChaosEntry const& fault, std::optional<std::size_t> entry, std::uint64_t step);
  void end_what_is_over(double now_s);
  void tell(char const* event, Told const& told) const;

  comm::World const& world_;
  std::filesystem::path file_;
  double start_s_;
  std::vector<Scripted> scripted_;  // that may still come here
  std::optional<ChaosStorm> storm_;
  double storm_start_s_;  // on this process's clock
  std::unique_ptr<ChaosHand> hand_;
  transport::MpiTransport* transport_ = nullptr;
  std::vector<Lasting> lasting_;
  std::deque<Told> corruptions_;
};

}  // namespace atl::train
