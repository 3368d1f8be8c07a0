// A process's states on their way to disk: the process waits only while one is recorded, and a thread writes
// it.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/archive.hpp"
#include "checkpoint/recorded_state.hpp"
#include "comm/communicator.hpp"
#include "protocol/message.hpp"
#include "train/run_folder.hpp"

namespace atl::train {

// Of one process. A state is open from begin() until its answer is taken; what goes wrong is in that answer,
// and training goes on without it. While something is written nothing else in this process may use HDF5.
class StateWriter {
 public:
  explicit StateWriter(RunFolder folder) : folder_(std::move(folder)) {}

  // Opens the state of the set that `save` names, for the file `name`. One that is still open is forgotten:
  // nobody asks for its answer any more. Standing values that are referred to must not change, nor
  // go, without a call of `before_change`.
  void begin(protocol::Save const& save, std::string name,
             checkpoint::Standing standing = checkpoint::Standing::copied);
  // Records what `part` writes. A state may be recorded in parts, as they become known.
  void record(std::function<void(base::Writer&)> const& part);
  // It is all there. Where that is nothing, no file is written.
  void start_writing();
  // Whether it is in its file, or why not is known. Never blocks.
  bool poll_written();
  protocol::Saved take_answer();
  // Blocks while a state that refers to standing values is being written.
  void before_change() const {
    if (refers_) finish();
  }
  // Blocks until nothing is being written any more.
  void finish() const;

  bool is_open() const { return saved_.has_value(); }
  bool is_recording() const { return state_ != nullptr; }
  bool is_writing() const { return is_open() && !is_recording(); }

 private:
  using Writing = std::shared_future<protocol::Saved>;

  RunFolder folder_;
  std::optional<protocol::Saved> saved_;  // of the open state, as far as it is known
  std::uint64_t step_ = 0;
  std::string name_;
  bool refers_ = false;                               // a state did, and may be on its way still
  std::unique_ptr<checkpoint::RecordedState> state_;  // while it is recorded
  Writing answer_;                                    // while it is written
  std::vector<Writing> under_way_;                    // forgotten ones too; each waits for the one before
};

// Collective over the site, but waits for nobody to have written: what all of its ranks saved, and every
// failure, as one answer, once the last has.
std::optional<protocol::Saved> poll_written(comm::Communicator const& site, StateWriter& mine);

}  // namespace atl::train
