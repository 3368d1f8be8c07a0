// What is known of a key apart from the config it fills.
#pragma once

#include <string>

namespace atl::deck {

struct KeyDoc {
  std::string section, key, type, unit, default_value, range, meaning;
  bool may_change_on_resume = false;
};

struct Key {
  KeyDoc doc;
  bool agreed = false;      // the same for all processes of a run, see `agreement`
  bool takes_text = false;  // a `--set` value for it needs no quotes, whatever it looks like

  std::string path() const { return doc.section + '.' + doc.key; }
};

}  // namespace atl::deck
