#include "comm/spares.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "base/log.hpp"

namespace atl::comm {

namespace {

namespace fs = std::filesystem;

constexpr auto look_every = std::chrono::milliseconds(10);
// Who does not answer for so long is lost, or stands still.
constexpr auto longest_answer = std::chrono::seconds(1);

// The file of a spare, as it says that it waits, was claimed, comes.
struct Files {
  fs::path waits, claimed, comes;
  explicit Files(fs::path const& file)
      : waits(file), claimed(fs::path(file) += ".claimed"), comes(fs::path(file) += ".comes") {}
};

bool is_there(fs::path const& path) {
  std::error_code gone;
  return fs::exists(path, gone);
}

bool moved(fs::path const& from, fs::path const& to) {
  std::error_code failure;
  fs::rename(from, to, failure);
  return !failure;
}

std::string open_port() {
  std::array<char, MPI_MAX_PORT_NAME> port{};
  check_mpi(MPI_Open_port(MPI_INFO_NULL, port.data()), "MPI_Open_port");
  return port.data();
}

std::vector<fs::path> waiting_in(fs::path const& folder) {
  std::vector<fs::path> files;
  std::error_code end;
  for (fs::directory_iterator entry(folder, end), none; !end && entry != none; entry.increment(end))
    if (!entry->path().has_extension()) files.push_back(entry->path());
  return files;
}

}  // namespace

std::optional<Bridge> wait_as_spare(fs::path const& folder, int number) {
  auto const port = open_port();
  Files const files(folder / std::to_string(number));
  auto const draft = fs::path(files.waits) += ".draft";
  std::ofstream(draft) << port;
  if (!moved(draft, files.waits)) return {};
  while (!moved(files.claimed, files.comes)) {
    if (!is_there(folder)) return {};
    std::this_thread::sleep_for(look_every);
  }
  // Not by this thread: who has claimed it may be lost by now, and MPI would wait for ever.
  auto promise = std::make_shared<std::promise<Bridge>>();
  auto bridge = promise->get_future();
  std::thread([promise, port] {
    try {
      promise->set_value(meet_hosts(port));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  while (bridge.wait_for(look_every) != std::future_status::ready) {
    if (!is_there(folder)) return {};
  }
  return bridge.get();
}

std::string claim_spare(fs::path const& folder) {
  for (auto const& file : waiting_in(folder)) {
    Files const files(file);
    if (!moved(files.waits, files.claimed)) continue;
    auto const until = std::chrono::steady_clock::now() + longest_answer;
    while (!is_there(files.comes) && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(look_every);
    if (!is_there(files.comes)) {
      base::log::warn(fmt::format("spare {} does not answer", file.filename().string()));
      continue;
    }
    std::string port;
    std::getline(std::ifstream(files.comes), port);
    return port;
  }
  return "";
}

}  // namespace atl::comm
