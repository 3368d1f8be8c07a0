// A state as it is at one moment, held in memory, to be written to its file later.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/archive.hpp"

namespace atl::checkpoint {

// What becomes of values that stand until the state is in its file.
enum class Standing { copied, referred_to };

// What was written to one group, in that order. Names are looked at only when a file is made of it.
class RecordedState final {
 public:
  explicit RecordedState(Standing standing) : standing_(standing) {}

  // Records everything that is written to it, into this object: it must stay where it is meanwhile.
  std::unique_ptr<base::Writer> writer();
  bool is_empty() const { return values_.empty(); }
  // The same values to another archive.
  void write_to(base::Writer& archive) const;

 private:
  class Recorder;
  using Value = std::variant<std::uint64_t, double, std::string, std::vector<float>, std::span<float const>,
                             std::vector<std::uint64_t>, std::unique_ptr<RecordedState>>;
  Standing standing_;
  std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace atl::checkpoint
