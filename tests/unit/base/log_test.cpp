// Logging: what reaches the file, stderr and stdout, and from whom.
#include "base/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "support/catch.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
namespace fs = std::filesystem;

namespace {

std::string text_of(fs::path const& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What is written to a file descriptor while this object lives.
class Capture {
 public:
  Capture(int fd, fs::path file) : fd_(fd), saved_(::dup(fd)), file_(std::move(file)) {
    std::fflush(nullptr);
    int const target = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(target, fd_);
    ::close(target);
  }
  ~Capture() { restore(); }
  Capture(Capture const&) = delete;
  Capture& operator=(Capture const&) = delete;

  std::string end() {
    restore();
    return text_of(file_);
  }

 private:
  void restore() {
    if (saved_ < 0) return;
    std::fflush(nullptr);
    ::dup2(saved_, fd_);
    ::close(saved_);
    saved_ = -1;
  }

  int fd_;
  int saved_;
  fs::path file_;
};

std::size_t count(std::string const& text, std::string const& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

struct Said {
  std::string out;
  std::string err;
};

template <class Speak>
Said listen(test::ScratchFolder const& folder, Speak speak) {
  Capture out(STDOUT_FILENO, folder.path() / "stdout");
  Capture err(STDERR_FILENO, folder.path() / "stderr");
  speak();
  return {out.end(), err.end()};
}

}  // namespace

TEST_CASE("before a log is open, warnings and errors reach stderr and the rest is dropped") {
  test::ScratchFolder const folder;
  auto const said = listen(folder, [] {
    base::log::info("quiet");
    base::log::warn("careful");
    base::log::error("broken");
  });
  CHECK(said.out.empty());
  CHECK(said.err == "warning: careful\nerror: broken\n");
}

TEST_CASE("the process that owns the console warns on stderr and speaks on stdout, and logs both") {
  test::ScratchFolder const folder;
  auto const said = listen(folder, [&] {
    base::log::open(folder.path() / "log", "site 0 rank 0", true);
    base::log::info("a detail");
    base::log::warn("careful");
    base::log::console("step 10");
    base::log::close();
  });
  CHECK(said.out == "step 10\n");
  CHECK(said.err == "warning: careful\n");
  auto const file = text_of(folder.path() / "log");
  CHECK(count(file, "\n") == 4);
  CHECK(count(file, "[site 0 rank 0]") == 4);
  CHECK_THAT(file, ContainsSubstring(fmt::format("info: process {} on ", ::getpid())));
  CHECK_THAT(file, ContainsSubstring("info: a detail"));
  CHECK_THAT(file, ContainsSubstring("warning: careful"));
  CHECK_THAT(file, ContainsSubstring("step 10"));
}

TEST_CASE("other processes are silent but for errors") {
  test::ScratchFolder const folder;
  auto const said = listen(folder, [&] {
    base::log::open(folder.path() / "log", "site 1 rank 0", false);
    base::log::warn("careful");
    base::log::console("step 10");
    base::log::error("broken");
    base::log::close();
  });
  CHECK(said.out.empty());
  CHECK(said.err == "error: broken\n");
  CHECK(count(text_of(folder.path() / "log"), "\n") == 4);
}

TEST_CASE("a cause is warned of once on the console, and every time in the file") {
  test::ScratchFolder const folder;
  auto const said = listen(folder, [&] {
    base::log::open(folder.path() / "log", "site 0 rank 0", true);
    base::log::warn_once("stale pull", "fragment 3 is late");
    base::log::warn_once("stale pull", "fragment 4 is late");
    base::log::warn_once("full outbox", "the outbox is full");
    base::log::close();
  });
  CHECK(said.err == "warning: fragment 3 is late\nwarning: the outbox is full\n");
  auto const file = text_of(folder.path() / "log");
  CHECK(count(file, "warning:") == 3);
  CHECK_THAT(file, ContainsSubstring("fragment 4 is late"));
}
