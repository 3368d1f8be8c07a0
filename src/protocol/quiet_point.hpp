// Brings the whole run to rest, has everyone save, and lets it go on or end. Runs on shard 0; pure. A run with snapshots
// that need no rest will replace the `checkpoint` purpose; `stop` and `finish` stay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/message.hpp"

namespace atoll::protocol {

// Someone who comes to rest: a site or a shard (shard 0 among them).
struct Participant {
  enum class Kind : std::uint8_t { site, shard } kind = Kind::site;
  int index = 0;
  auto operator<=>(Participant const&) const = default;
};

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
// The attempt was given up (`checkpoint` only); training goes on.
struct GiveUp {
  std::string why;
};
using QuietAction = std::variant<SendToAll, Seal, GiveUp>;

class QuietPoint {
 public:
  QuietPoint(int sites, int shards, double patience_s);

  // Ignored while an earlier one is under way, except that a stop or finish outranks a checkpoint that still waits for
  // rest. `step`: the clock.
  std::vector<QuietAction> request(Purpose purpose, std::uint64_t step, double now_s);
  std::vector<QuietAction> on_held(Participant who, Held const& held, double now_s);
  std::vector<QuietAction> on_saved(Participant who, Saved const& saved, double now_s);
  std::vector<QuietAction> on_timer(double now_s);
  std::optional<double> next_timer_s() const;

  bool is_active() const;
  bool is_over() const;  // Go{leave} was sent
  std::optional<Purpose> purpose() const;
  std::vector<Participant> waiting_for() const;
};

}  // namespace atoll::protocol
