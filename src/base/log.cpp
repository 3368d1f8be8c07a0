#include "base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace atl::base::log {

namespace {

struct State {
  std::atomic<std::shared_ptr<spdlog::logger>> file;  // other threads may log while it is closed
  bool owns_console = true;
  std::mutex mutex;
  std::set<std::string, std::less<>> causes;
};

State& state() {
  static State instance;
  return instance;
}

void to_file(spdlog::level::level_enum level, std::string_view text) {
  if (auto const file = state().file.load()) file->log(level, text);
}

void to_stderr(char const* kind, std::string_view text) {
  std::fprintf(stderr, "%s: %.*s\n", kind, static_cast<int>(text.size()), text.data());
}

}  // namespace

void open(std::filesystem::path const& file, std::string_view who, bool owns_console) {
  state().owns_console = owns_console;
  auto const logger = std::make_shared<spdlog::logger>(
      "atoll", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string()));
  logger->set_pattern(fmt::format("%Y-%m-%d %H:%M:%S.%e [{}] %l: %v", who));
  logger->flush_on(spdlog::level::info);
  state().file = logger;
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  info(fmt::format("process {} on {}", ::getpid(), host.data()));
}

void close() { state().file.store({}); }

void info(std::string_view text) { to_file(spdlog::level::info, text); }

void warn(std::string_view text) {
  to_file(spdlog::level::warn, text);
  if (state().owns_console) to_stderr("warning", text);
}

void error(std::string_view text) {
  to_file(spdlog::level::err, text);
  to_stderr("error", text);
}

void warn_once(std::string_view cause, std::string_view text) {
  bool first = false;
  {
    std::scoped_lock const lock(state().mutex);
    first = state().causes.emplace(cause).second;
  }
  if (first) {
    warn(text);
  } else {
    to_file(spdlog::level::warn, text);
  }
}

void console(std::string_view text) {
  to_file(spdlog::level::info, text);
  if (!state().owns_console) return;
  std::fprintf(stdout, "%.*s\n", static_cast<int>(text.size()), text.data());
  std::fflush(stdout);
}

}  // namespace atl::base::log
