// A table of keys that fill one config struct: declared once, it reads decks, and says what they may hold.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "deck/field.hpp"
#include "deck/reading.hpp"

namespace atl::deck {

template <class Config>
struct KeyOf : Key {
  std::function<Verdict(Value const&, Config&)> read;
  std::function<std::string(Config const&)> write;  // as TOML
};

// The order of declaration is that of schema and echo; the keys of one section stand together.
template <class Config>
class KeyTable {
 public:
  // What is wrong with a config whose keys are each within their range.
  using Check = std::function<void(Config const&, Report&)>;

  template <class Section, class... Access>
  void declare(char const* name, Section Config::*section, Field<Access> const&... fields) {
    (keys_.push_back(make_key(name, section, fields)), ...);
  }

  auto begin() const { return keys_.begin(); }
  auto end() const { return keys_.end(); }

  // Throws InputError with every problem that keys, values and `check` have; `where` names the text.
  Config parse(std::string const& text, std::string const& where, std::vector<std::string> const& overrides,
               Check const& check = {}) const {
    Report report(where);
    auto const values = read_values(list(), text, where, overrides, report);
    Config config;
    for (auto const& key : keys_) {
      auto const found = values.find(&key);
      if (found == values.end()) continue;
      if (auto const fault = key.read(found->second, config)) reject(key, found->second, *fault, report);
    }
    if (check) check(config, report);
    report.throw_if_any();
    return config;
  }

  // Every key with its value: `parse(echo(c)) == c`.
  std::string echo(Config const& config) const {
    return write_sections(list(), [&](std::size_t i) { return keys_[i].write(config); });
  }

  std::vector<KeyDoc> schema() const {
    std::vector<KeyDoc> docs;
    for (auto const& key : keys_) docs.push_back(key.doc);
    return docs;
  }

 private:
  template <class Section, class Access>
  static KeyOf<Config> make_key(char const* section_name, Section Config::*section,
                                Field<Access> const& field) {
    auto const at = [=](auto& config) -> decltype(auto) {
      return std::invoke(field.access, config.*section);
    };
    Config const defaults;
    auto const& value = at(defaults);
    return {describe(section_name, field, value),
            [=](Value const& written, Config& config) {
              auto&& out = at(config);
              return read(written, field.range, out);
            },
            [=](Config const& config) { return write(at(config)); }};
  }

  std::vector<Key const*> list() const {
    std::vector<Key const*> keys;
    for (auto const& key : keys_) keys.push_back(&key);
    return keys;
  }

  std::vector<KeyOf<Config>> keys_;
};

}  // namespace atl::deck
