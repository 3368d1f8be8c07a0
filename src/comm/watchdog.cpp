#include "comm/watchdog.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/waiting.hpp"

namespace atl::comm {

namespace {

constexpr auto look_every = std::chrono::milliseconds(100);
constexpr double longest_answer_s = 2.0;  // that others have
constexpr int question_tag = 7001, answer_tag = 7002;
using Answer = std::array<char, 160>;

// What a rank says of itself.
Answer own_state() {
  auto const wait = base::current_wait();
  auto const text =
      wait ? fmt::format("waits in {} for {:.1f} s", wait->calls, base::now_s() - wait->since_s) : "computes";
  Answer answer{};
  std::copy_n(text.begin(), std::min(text.size(), answer.size() - 1), answer.begin());
  return answer;
}

bool has_come(MPI_Comm comm, int from, int tag) {
  int flag = 0;
  return MPI_Iprobe(from, tag, comm, &flag, MPI_STATUS_IGNORE) == MPI_SUCCESS && flag != 0;
}

// Short enough to leave at once.
void post(MPI_Comm comm, int to, int tag, char const* bytes, std::size_t count) {
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Isend(bytes, static_cast<int>(count), MPI_CHAR, to, tag, comm, &request) == MPI_SUCCESS)
    MPI_Request_free(&request);
}

}  // namespace

Watchdog::Watchdog(std::string who, double limit_s) : who_(std::move(who)), limit_s_(limit_s) {
  base::watch_this_thread();
  if (limit_s_ > 0) thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    std::lock_guard const lock(mutex_);
    is_over_ = true;
  }
  ending_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::ask(Communicator const& site) {
  std::lock_guard const lock(mutex_);
  site_ = site.size() > 1 ? &site : nullptr;
}

void Watchdog::ask_nobody() {
  std::lock_guard const lock(mutex_);
  site_ = nullptr;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!ending_.wait_for(lock, look_every, [this] { return is_over_; })) {
    answer_questions();
    look();
  }
}

void Watchdog::look() {
  auto const wait = base::current_wait();
  if (!wait) return;
  if (wait->since_s != told_since_s_) {
    told_since_s_ = wait->since_s;
    next_s_ = limit_s_;
  }
  double const waited_s = base::now_s() - wait->since_s;
  if (waited_s < next_s_) return;
  next_s_ *= 2;
  tell(*wait, waited_s);
}

void Watchdog::tell(base::Wait const& wait, double waited_s) {
  base::log::error(fmt::format("[{}] waits in {} for {:.1f} s{}", who_, wait.calls, waited_s, ask_others()));
  base::log::info(fmt::format("it stands in\n  {}", fmt::join(base::watched_stack(), "\n  ")));
}

void Watchdog::answer_questions() {
  if (!site_) return;
  for (int rank = 0; rank < site_->size(); ++rank) {
    if (rank == site_->rank() || !has_come(site_->get(), rank, question_tag)) continue;
    char question = 0;
    MPI_Recv(&question, 1, MPI_CHAR, rank, question_tag, site_->get(), MPI_STATUS_IGNORE);
    static Answer answer;  // outlives the message
    answer = own_state();
    post(site_->get(), rank, answer_tag, answer.data(), answer.size());
    base::log::info(fmt::format("rank {} asks where this one stands: {}, in\n  {}", rank, answer.data(),
                                fmt::join(base::watched_stack(), "\n  ")));
  }
}

std::string Watchdog::ask_others() {
  if (!site_) return "";
  auto const comm = site_->get();
  std::vector<int> awaited;
  for (int rank = 0; rank < site_->size(); ++rank) {
    if (rank == site_->rank()) continue;
    static constexpr char question = 1;
    post(comm, rank, question_tag, &question, 1);
    awaited.push_back(rank);
  }
  std::string text;
  double const until_s = base::now_s() + std::min(longest_answer_s, 0.5 * limit_s_);
  while (!awaited.empty() && base::now_s() < until_s) {
    answer_questions();
    std::erase_if(awaited, [&](int rank) {
      if (!has_come(comm, rank, answer_tag)) return false;
      Answer answer{};
      MPI_Recv(answer.data(), answer.size(), MPI_CHAR, rank, answer_tag, comm, MPI_STATUS_IGNORE);
      answer.back() = '\0';
      text += fmt::format("; rank {} {}", rank, answer.data());
      return true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (int const rank : awaited) text += fmt::format("; rank {} does not answer", rank);
  return text;
}

}  // namespace atl::comm
