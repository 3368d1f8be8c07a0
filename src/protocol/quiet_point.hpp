// Brings the whole run to rest, has everyone save, and lets it go on or end. Runs on shard 0; pure. A run's
// own checkpoints are snapshots, which need no rest; to go on after a rest (`checkpoint`) is for the
// simulation.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "protocol/message.hpp"

namespace atl::protocol {

// Someone who comes to rest: a site or a shard (shard 0 among them).
struct Participant {
  enum class Kind : std::uint8_t { site, shard } kind = Kind::site;
  int index = 0;
  auto operator<=>(Participant const&) const = default;
};

std::string describe(Participant const& who);               // "site 1"
std::string describe(std::vector<Participant> const& all);  // "site 1, shard 0"

struct SendToAll {
  Message message;  // Hold, Save or Go, to every participant, shard 0 itself included
};
// Every file of the set is written: seal it with its manifest.
struct Seal {
  std::uint64_t step = 0;
  Purpose purpose = Purpose::checkpoint;
  std::vector<SavedFile> files;
  std::vector<Participant> missing;  // did not come to rest in time
};
// There is no set. After a checkpoint training goes on; after a stop or finish the run ends.
struct GiveUp {
  std::string why;
};
using QuietAction = std::variant<SendToAll, Seal, GiveUp>;

// All is sent to all, and in order: one who was away finds Hold, Save and Go waiting, and does not hang.
class QuietPoint {
 public:
  // `patience_s`: how long everyone may take to come to rest for a checkpoint; for a stop or finish, to which
  // there is no second try and which may have to outlast a silent site twice, four times as long.
  QuietPoint(int sites, int shards, double patience_s);

  // Ignored while an earlier one is under way, except that a stop or finish outranks a checkpoint: one that
  // still waits for rest is turned into it (by a new Hold, so that no earlier Held is taken for an answer),
  // one that is being written is followed by it. `step`: the clock.
  std::vector<QuietAction> request(Purpose purpose, std::uint64_t step, double now_s);
  // One who takes it back while others write already has everyone come to rest once more.
  std::vector<QuietAction> on_held(Participant who, Held const& held, double now_s);
  std::vector<QuietAction> on_saved(Participant who, Saved const& saved, double now_s);
  // Its process is gone for the rest of the run: it is not waited for.
  std::vector<QuietAction> on_lost(Participant who, double now_s);
  // A site was last seen to move then, on its way to rest: of a stop or finish the patience begins anew.
  void on_movement(double at_s);
  std::vector<QuietAction> on_timer(double now_s);
  std::optional<double> next_timer_s() const;

  bool is_active() const { return phase_ == Phase::holding || phase_ == Phase::saving; }
  bool is_over() const { return phase_ == Phase::over; }  // Go{leave} was sent
  std::optional<Purpose> purpose() const;                 // none: not active
  std::vector<Participant> waiting_for() const;           // to come to rest, or to write

 private:
  enum class Phase { idle, holding, saving, over };
  struct Request {
    Purpose purpose = Purpose::checkpoint;
    std::uint64_t step = 0;
  };

  void start(Request request, double now_s, std::vector<QuietAction>& actions);
  void start_saving(double now_s, std::vector<QuietAction>& actions);
  void end(double now_s, std::vector<QuietAction>& actions);
  double patience_s() const;  // for the request under way
  std::vector<Participant> unsaved() const;
  std::vector<Participant> not_among(std::set<Participant> const& done) const;

  std::set<Participant> everyone_;
  double checkpoint_patience_s_;
  Phase phase_ = Phase::idle;
  std::uint64_t id_ = 0;
  Request request_;
  std::optional<Request> next_;  // once the checkpoint is written
  double give_up_s_ = 0.0;       // while active
  std::set<Participant> held_;
  std::set<Participant> saved_;
  std::vector<SavedFile> files_;
};

}  // namespace atl::protocol
