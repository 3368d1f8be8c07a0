// An archive in memory, to save and load without files.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/archive.hpp"
#include "base/error.hpp"

namespace atl::base {

using Values = std::map<std::string, std::variant<std::uint64_t, double, std::string, std::vector<float>,
                                                  std::vector<std::uint64_t>>>;

class MemoryWriter : public Writer {
 public:
  explicit MemoryWriter(Values& values, std::string prefix = "")
      : values_(values), prefix_(std::move(prefix)) {}

  std::unique_ptr<Writer> group(std::string_view name) override {
    return std::make_unique<MemoryWriter>(values_, path(name) + "/");
  }
  void write(std::string_view name, std::uint64_t value) override { values_[path(name)] = value; }
  void write(std::string_view name, double value) override { values_[path(name)] = value; }
  void write(std::string_view name, std::string_view text) override {
    values_[path(name)] = std::string(text);
  }
  void write(std::string_view name, std::span<float const> values) override {
    values_[path(name)] = std::vector(values.begin(), values.end());
  }
  void write(std::string_view name, std::span<std::uint64_t const> values) override {
    values_[path(name)] = std::vector(values.begin(), values.end());
  }

 private:
  std::string path(std::string_view name) const { return prefix_ + std::string(name); }

  Values& values_;
  std::string prefix_;
};

class MemoryReader : public Reader {
 public:
  explicit MemoryReader(Values const& values, std::string prefix = "")
      : values_(values), prefix_(std::move(prefix)) {}

  std::unique_ptr<Reader> group(std::string_view name) const override {
    return std::make_unique<MemoryReader>(values_, prefix_ + std::string(name) + "/");
  }
  std::uint64_t read_uint(std::string_view name) const override { return find<std::uint64_t>(name); }
  double read_double(std::string_view name) const override { return find<double>(name); }
  std::string read_text(std::string_view name) const override { return find<std::string>(name); }
  void read(std::string_view name, std::span<float> values) const override {
    auto const& saved = find<std::vector<float>>(name);
    if (saved.size() != values.size())
      throw InputError("memory", "'" + prefix_ + std::string(name) + "' is of another size", "");
    std::ranges::copy(saved, values.begin());
  }
  std::vector<std::uint64_t> read_uints(std::string_view name) const override {
    return find<std::vector<std::uint64_t>>(name);
  }

 private:
  template <class T>
  T const& find(std::string_view name) const {
    auto const found = values_.find(prefix_ + std::string(name));
    auto const* value = found == values_.end() ? nullptr : std::get_if<T>(&found->second);
    if (value == nullptr)
      throw InputError("memory", "no '" + prefix_ + std::string(name) + "' of that type", "");
    return *value;
  }

  Values const& values_;
  std::string prefix_;
};

template <class Machine>
Values saved(Machine const& machine) {
  Values values;
  MemoryWriter writer(values);
  machine.save(writer);
  return values;
}

}  // namespace atl::base
