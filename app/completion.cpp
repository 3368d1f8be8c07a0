#include "app/completion.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "deck/deck.hpp"

namespace atl::app {

namespace {

// "{auto,always,never}" in what CLI11 says of an option's type; empty: anything goes.
std::string choices(CLI::Option const& option) {
  auto type = option.get_type_name();
  auto const begin = type.find('{'), end = type.find('}');
  if (begin == type.npos || end == type.npos) return "";
  type = type.substr(begin + 1, end - begin - 1);
  std::ranges::replace(type, ',', ' ');
  return type;
}

// The cases of the script, and the paths of all commands: " data prepare".
struct Cases {
  std::string paths = "|";
  std::string words;   // what may stand after a command
  std::string values;  // what may stand after an option of it
};

void add_command(CLI::App const& app, std::string const& path, Cases& cases) {
  std::string offered;
  for (auto const* option : app.get_options()) {
    auto const known = choices(*option);
    if (option->get_positional()) offered += known + ' ';
    for (auto const& name : option->get_lnames()) {
      offered += fmt::format("--{} ", name);
      if (!known.empty()) cases.values += fmt::format("    '{} --{}') known='{}' ;;\n", path, name, known);
    }
  }
  for (auto const* command : app.get_subcommands([](CLI::App const*) { return true; })) {
    offered += command->get_name() + ' ';
    add_command(*command, fmt::format("{} {}", path, command->get_name()), cases);
  }
  cases.paths += path + '|';
  cases.words += fmt::format("    '{}') known='{}' ;;\n", path, offered);
}

std::string deck_keys() {
  std::string keys;
  for (auto const& doc : deck::schema())
    if (!doc.is_of_list) keys += fmt::format("{}.{}= ", doc.section, doc.key);
  return keys;
}

}  // namespace

std::string completion_script(CLI::App const& app, std::string const& shell) {
  Cases cases;
  add_command(app, "", cases);
  std::string script = "# Made by atoll completion.\n";
  if (shell == "zsh") script += "autoload -U +X bashcompinit && bashcompinit\n";
  return script + fmt::format(R"(_atoll() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" path='' known='' word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case '{paths}' in *"|$path $word|"*) path="$path $word" ;; *) break ;; esac
  done
  case "$path $before" in
{values}    *' --set') known='{keys}'; compopt -o nospace 2> /dev/null ;;
    *) case "$path" in
{words}    esac ;;
  esac
  COMPREPLY=($(compgen -W "$known" -- "$current"))
}}
complete -o default -F _atoll atoll
)",
                              fmt::arg("paths", cases.paths), fmt::arg("values", cases.values),
                              fmt::arg("keys", deck_keys()), fmt::arg("words", cases.words));
}

}  // namespace atl::app
