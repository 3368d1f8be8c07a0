// A table of keys that fill one config struct: declared once, it reads decks, and says what they may hold.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
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

  // `section`: a member of the config, or what makes one of it.
  template <class Section, class... Access>
  void declare(char const* name, Section section, Field<Access> const&... fields) {
    (keys_.push_back(make_key(name, section, fields)), ...);
  }

  // A section that a deck may write any number of times: each fills an item by the keys of `table`, which are
  // all of one section.
  template <class Item>
  void declare_list(std::vector<Item> Config::*items, KeyTable<Item> table) {
    for (auto& key : table.keys_) key.doc.is_of_list = true;
    auto const keys = std::make_shared<KeyTable<Item> const>(std::move(table));
    lists_.push_back({.keys = keys->list(),
                      .read =
                          [=](Values const& values, Config& config, Report& report) {
                            auto const count = values.items.find(keys->keys_.front().doc.section);
                            if (count == values.items.end()) return;
                            (config.*items).resize(count->second);
                            for (std::size_t i = 0; i < count->second; ++i)
                              keys->fill((config.*items)[i], i, values, report);
                          },
                      .write =
                          [=](Config const& config) {
                            std::string text;
                            for (auto const& item : config.*items) text += '\n' + keys->echo(item);
                            return text;
                          }});
  }

  auto begin() const { return keys_.begin(); }
  auto end() const { return keys_.end(); }

  // Throws InputError with every problem that keys, values and `check` have; `where` names the text.
  Config parse(std::string const& text, std::string const& where, std::vector<std::string> const& overrides,
               Check const& check = {}) const {
    Report report(where);
    auto all = list();
    for (auto const& each : lists_) all.insert(all.end(), each.keys.begin(), each.keys.end());
    auto const values = read_values(all, text, where, overrides, report);
    Config config;
    fill(config, 0, values, report);
    for (auto const& each : lists_) each.read(values, config, report);
    if (check) check(config, report);
    report.throw_if_any();
    return config;
  }

  // Every key with its value: `parse(echo(c)) == c`.
  std::string echo(Config const& config) const {
    auto text = write_sections(list(), [&](std::size_t i) { return keys_[i].write(config); });
    for (auto const& each : lists_) text += each.write(config);
    return text;
  }

  std::vector<KeyDoc> schema() const {
    std::vector<KeyDoc> docs;
    for (auto const& key : keys_) docs.push_back(key.doc);
    for (auto const& each : lists_) {
      for (auto const* key : each.keys) docs.push_back(key->doc);
    }
    return docs;
  }

 private:
  template <class Other>
  friend class KeyTable;

  struct List {
    std::vector<Key const*> keys;
    std::function<void(Values const&, Config&, Report&)> read;
    std::function<std::string(Config const&)> write;
  };

  template <class Section, class Access>
  static KeyOf<Config> make_key(char const* section_name, Section section, Field<Access> const& field) {
    auto const at = [=](auto& config) -> decltype(auto) {
      return std::invoke(field.access, std::invoke(section, config));
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

  void fill(Config& config, std::size_t item, Values const& values, Report& report) const {
    for (auto const& key : keys_) {
      auto const found = values.of.find({&key, item});
      if (found == values.of.end()) continue;
      if (auto const fault = key.read(found->second, config))
        reject(key, item, found->second, *fault, report);
    }
  }

  std::vector<KeyOf<Config>> keys_;
  std::vector<List> lists_;
};

}  // namespace atl::deck
