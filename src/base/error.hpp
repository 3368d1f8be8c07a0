// The two kinds of error: what the user gave is wrong (exit 2), or something failed at run time (exit 3).
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

namespace atl::base {

// One thing that is wrong with an input: where it is, what is wrong, what to do about it.
struct Problem {
  std::string where;   // "deck.toml:12:3", "--steps", "data/train.bin", ...
  std::string what;    // "unknown key 'lerning_rate'"
  std::string remedy;  // "did you mean 'lr'?"
};

// Bad input: deck, flag, file. Holds every problem found, so that the user mends all of them at once.
class InputError : public std::runtime_error {
 public:
  explicit InputError(std::vector<Problem> problems);
  InputError(std::string where, std::string what, std::string remedy);

  std::vector<Problem> const& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

// Anything that failed although the input was right. The text is for users; the place it was thrown from is
// for the log.
class RuntimeFailure : public std::runtime_error {
 public:
  explicit RuntimeFailure(std::string const& what,
                          std::source_location where = std::source_location::current());

  std::string const& place() const { return place_; }  // "file.cpp:12"

 private:
  std::string place_;
};

// The run was cut short by a loss, not by an error of its own: it can be resumed (exit 75).
class Interrupted : public RuntimeFailure {
 public:
  explicit Interrupted(std::string const& what, std::source_location where = std::source_location::current())
      : RuntimeFailure(what, where) {}
};

// Nothing moves, and nothing that the program does of itself will help (exit 4).
class Hung : public RuntimeFailure {
 public:
  explicit Hung(std::string const& what, std::source_location where = std::source_location::current())
      : RuntimeFailure(what, where) {}
};

// Throws RuntimeFailure, with the place in its text, unless `holds`. For what must be true of our own state,
// never for input.
void ensure(bool holds, char const* what, std::source_location where = std::source_location::current());

}  // namespace atl::base
