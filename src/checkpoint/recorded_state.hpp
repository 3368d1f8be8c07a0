// A state as it is at one moment, copied into memory, to be written to its file later.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/archive.hpp"

namespace atl::checkpoint {

// What was written to one group, in that order. Names are looked at only when a file is made of it.
class RecordedState final {
 public:
  // Records everything that is written to it, into this object: it must stay where it is meanwhile.
  std::unique_ptr<base::Writer> writer();
  bool is_empty() const { return values_.empty(); }
  // The same values to another archive.
  void write_to(base::Writer& archive) const;

 private:
  class Recorder;
  using Value = std::variant<std::uint64_t, double, std::string, std::vector<float>,
                             std::vector<std::uint64_t>, std::unique_ptr<RecordedState>>;
  std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace atl::checkpoint
