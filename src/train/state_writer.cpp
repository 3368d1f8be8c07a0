#include "train/state_writer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <filesystem>
#include <span>
#include <system_error>
#include <variant>

#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/sets.hpp"

namespace atl::train {

namespace {

// A disk that does not answer must not fill the memory with copies.
constexpr std::size_t most_under_way = 2;

protocol::Saved write_file(std::filesystem::path const& set, std::string const& name,
                           checkpoint::RecordedState const& state, protocol::Saved saved) {
  try {
    checkpoint::FileWriter writer(set, name);
    state.write_to(writer.root());
    auto const written = writer.finish();
    saved.files.push_back({written.name, written.bytes, written.digest});
  } catch (std::exception const& failure) {
    saved.failure = failure.what();
  }
  return saved;
}

bool is_ready(std::shared_future<protocol::Saved> const& writing) {
  return writing.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

// Collective over the site.
protocol::Saved gather_saved(comm::Communicator const& site, protocol::Saved const& mine) {
  protocol::Saved saved{.id = mine.id, .files = {}, .failure = ""};
  for (auto const& bytes : site.all_gather_each(protocol::encode(mine))) {
    auto const part = std::get<protocol::Saved>(protocol::decode(bytes));
    saved.files.insert(saved.files.end(), part.files.begin(), part.files.end());
    if (saved.failure.empty()) saved.failure = part.failure;
  }
  return saved;
}

}  // namespace

void StateWriter::begin(protocol::Save const& save, std::string name, checkpoint::Standing standing) {
  saved_ = {.id = save.id, .files = {}, .failure = ""};
  step_ = save.step;
  name_ = std::move(name);
  refers_ |= standing == checkpoint::Standing::referred_to;
  state_ = std::make_unique<checkpoint::RecordedState>(standing);
  answer_ = {};
}

void StateWriter::record(std::function<void(base::Writer&)> const& part) {
  try {
    part(*state_->writer());
  } catch (std::exception const& failure) {  // no memory for the copy
    saved_->failure = failure.what();
  }
}

void StateWriter::start_writing() {
  auto state = std::exchange(state_, nullptr);
  std::erase_if(under_way_, is_ready);
  if (under_way_.size() >= most_under_way) saved_->failure = "earlier checkpoints are still being written";
  if (!saved_->failure.empty() || state->is_empty()) return;

  auto write = [earlier = under_way_, set = checkpoint::set_folder(folder_.checkpoints(), step_),
                name = name_, state = std::move(state), saved = *saved_]() mutable {
    for (auto const& each : earlier) each.wait();
    auto const copy = std::exchange(state, nullptr);  // gone when it is written
    return write_file(set, name, *copy, std::move(saved));
  };
  try {
    answer_ = std::async(std::launch::async, std::move(write)).share();
    under_way_.push_back(answer_);
  } catch (std::system_error const& failure) {  // no thread
    saved_->failure = failure.what();
  }
}

bool StateWriter::poll_written() { return is_writing() && (!answer_.valid() || is_ready(answer_)); }

protocol::Saved StateWriter::take_answer() {
  auto saved = *std::exchange(saved_, std::nullopt);
  return answer_.valid() ? std::exchange(answer_, {}).get() : saved;
}

void StateWriter::finish() const {
  for (auto const& each : under_way_) each.wait();
}

std::optional<protocol::Saved> poll_written(comm::Communicator const& site, StateWriter& mine) {
  if (site.size() == 1) return mine.poll_written() ? std::optional(mine.take_answer()) : std::nullopt;
  std::array const has_written{static_cast<std::uint8_t>(mine.poll_written())};
  std::vector<std::uint8_t> all(static_cast<std::size_t>(site.size()));
  site.all_gather(std::as_bytes(std::span(has_written)), std::as_writable_bytes(std::span(all)));
  if (std::ranges::count(all, 0) > 0) return std::nullopt;
  return gather_saved(site, mine.take_answer());
}

}  // namespace atl::train
