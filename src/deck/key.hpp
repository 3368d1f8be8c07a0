// What is known of a key apart from the config it fills.
#pragma once

#include <string>

namespace atl::deck {

struct KeyDoc {
  std::string section, key, type, unit, default_value, range, meaning;
  bool may_change_on_resume = false;
  bool is_of_list = false;  // its section is written [[section]], any number of times

  // As a deck writes it.
  std::string heading() const { return is_of_list ? "[[" + section + "]]" : '[' + section + ']'; }
};

struct Key {
  KeyDoc doc;
  bool agreed = false;      // the same for all processes of a run, see `agreement`
  bool takes_text = false;  // a `--set` value for it needs no quotes, whatever it looks like

  // "section.key", or of a list "section[item].key".
  std::string path(std::size_t item = 0) const {
    return doc.section + (doc.is_of_list ? '[' + std::to_string(item) + ']' : "") + '.' + doc.key;
  }
};

}  // namespace atl::deck
