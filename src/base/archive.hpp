// What a stateful class needs in order to be saved and restored, and all that it may know about checkpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::base {

// Named values in named groups. Names are unique within a group; writing one twice is an error.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual std::unique_ptr<Writer> group(std::string_view name) = 0;
  virtual void write(std::string_view name, std::uint64_t value) = 0;
  virtual void write(std::string_view name, double value) = 0;
  virtual void write(std::string_view name, std::string_view text) = 0;
  virtual void write(std::string_view name, std::span<float const> values) = 0;
  virtual void write(std::string_view name, std::span<std::uint64_t const> values) = 0;
  // The same of values that stay where they are: an archive in memory may be told that they do not change
  // either.
  virtual void write_standing(std::string_view name, std::span<float const> values) { write(name, values); }
  // Either, as `do_stand` says.
  void write_as_they_are(std::string_view name, std::span<float const> values, bool do_stand) {
    do_stand ? write_standing(name, values) : write(name, values);
  }
};

// The mirror of Writer. Every function throws InputError, naming file and value, where the value is absent,
// has another type or (for spans) another length.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual std::unique_ptr<Reader> group(std::string_view name) const = 0;
  virtual std::uint64_t read_uint(std::string_view name) const = 0;
  virtual double read_double(std::string_view name) const = 0;
  virtual std::string read_text(std::string_view name) const = 0;
  virtual void read(std::string_view name, std::span<float> values) const = 0;
  virtual std::vector<std::uint64_t> read_uints(std::string_view name) const = 0;
};

}  // namespace atl::base
