#include "train/state_writer.hpp"

#include <fcntl.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "base/durable_file.hpp"
#include "base/open_file.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/sets.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;

namespace {

struct Run {
  test::ScratchFolder scratch;
  train::RunFolder folder{"x"};

  Run() { folder.root = scratch.path(); }
  auto start_set(std::uint64_t step) const { return checkpoint::start_set(folder.checkpoints(), step); }
};

void write_numbers(base::Writer& writer, std::vector<float> const& numbers) {
  writer.write("text", "");
  writer.write("count", std::uint64_t{7});
  auto const group = writer.group("group");
  group->write("numbers", std::span(numbers));
  group->group("empty");
  group->write("ratio", 0.5);
  writer.write("list", std::vector<std::uint64_t>{1, 2});
}

// Who else opens it waits, as for a disk that is gone: under a lease, until its holder gives that back.
class StuckFile {
 public:
  explicit StuckFile(std::filesystem::path const& file) : file_(file, O_RDWR | O_CREAT) {
    std::signal(SIGIO, SIG_IGN);  // with which the holder is asked
    REQUIRE(fcntl(file_.number(), F_SETLEASE, F_WRLCK) == 0);
  }
  void answer() const { fcntl(file_.number(), F_SETLEASE, F_UNLCK); }

 private:
  base::OpenFile file_;
};

protocol::Saved answer_of(train::StateWriter& states) {
  while (!states.poll_written()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return states.take_answer();
}

}  // namespace

TEST_CASE("a state is written as it was when it was recorded, and as if it had been written at once") {
  Run const run;
  std::vector<float> numbers(5000, 1.0f);
  auto const set = run.start_set(10);
  checkpoint::FileWriter direct(set, "direct.h5");
  write_numbers(direct.root(), numbers);
  direct.finish();

  train::StateWriter states(run.folder);
  states.begin({.id = 3, .step = 10}, "site_0.h5");
  states.record([&](base::Writer& writer) { write_numbers(writer, numbers); });
  numbers.assign(numbers.size(), 2.0f);
  CHECK_FALSE(states.poll_written());
  states.start_writing();
  auto const saved = answer_of(states);
  CHECK_FALSE(states.is_open());
  CHECK(saved.id == 3);
  CHECK(saved.failure.empty());
  REQUIRE(saved.files.size() == 1);
  CHECK(saved.files[0].name == "site_0.h5");
  CHECK(test::bytes_of(set / "site_0.h5") == test::bytes_of(set / "direct.h5"));
}

TEST_CASE("a state in two parts is one file, and one without any values is none") {
  Run const run;
  auto const set = run.start_set(10);
  train::StateWriter states(run.folder);
  states.begin({.id = 1, .step = 10}, "both.h5");
  states.record([](base::Writer& writer) { writer.write("a", std::uint64_t{1}); });
  states.record([](base::Writer& writer) { writer.write("b", std::uint64_t{2}); });
  states.start_writing();
  auto const file = answer_of(states).files.at(0);
  checkpoint::FileReader const reader(set, {file.name, file.bytes, file.digest});
  CHECK(reader.root().read_uint("a") + reader.root().read_uint("b") == 3);

  states.begin({.id = 2, .step = 10}, "none.h5");
  states.start_writing();
  CHECK(states.poll_written());
  CHECK(states.take_answer() == protocol::Saved{.id = 2, .files = {}, .failure = ""});
  CHECK(test::names_in(set) == std::vector<std::string>{"both.h5"});
}

TEST_CASE("a file that cannot be written is an answer, not an end") {
  Run const run;  // no set was started: there is no folder to write into
  train::StateWriter states(run.folder);
  states.begin({.id = 4, .step = 70}, "site_0.h5");
  states.record([](base::Writer& writer) { writer.write("x", 1.0); });
  states.start_writing();
  auto const saved = answer_of(states);
  CHECK(saved.id == 4);
  CHECK(saved.files.empty());
  CHECK_THAT(saved.failure, ContainsSubstring("No such file or directory"));
}

TEST_CASE("a disk that does not answer holds up neither the process nor ever more memory") {
  Run const run;
  train::StateWriter states(run.folder);
  auto const set = run.start_set(10);
  StuckFile stuck(base::temporary_name(set / "first.h5"));
  auto const save = [&](std::uint64_t id, std::string const& name) {
    states.begin({.id = id, .step = 10}, name);
    states.record([](base::Writer& writer) { writer.write("x", 1.0); });
    states.start_writing();
  };
  save(1, "first.h5");
  save(2, "second.h5");
  CHECK_FALSE(states.poll_written());
  save(3, "third.h5");
  REQUIRE(states.poll_written());
  CHECK(states.take_answer().failure == "earlier checkpoints are still being written");

  save(4, "fourth.h5");
  CHECK(states.poll_written());
  stuck.answer();
  states.finish();
  save(5, "fifth.h5");
  CHECK(answer_of(states).failure.empty());
  CHECK(test::names_in(set) == std::vector<std::string>{"fifth.h5", "first.h5", "second.h5"});
}

TEST_CASE("what a state refers to waits to be changed until it is in its file") {
  Run const run;
  train::StateWriter states(run.folder);
  auto const set = run.start_set(10);
  std::vector<float> numbers(5000, 1.0f);
  StuckFile const stuck(base::temporary_name(set / "site_0.h5"));
  states.begin({.id = 1, .step = 10}, "site_0.h5", checkpoint::Standing::referred_to);
  states.record([&](base::Writer& writer) { writer.write_standing("numbers", numbers); });
  states.start_writing();
  std::jthread const disk([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stuck.answer();
  });
  states.before_change();
  numbers.assign(numbers.size(), 2.0f);
  auto const file = answer_of(states).files.at(0);
  checkpoint::FileReader const reader(set, {file.name, file.bytes, file.digest});
  std::vector<float> written(numbers.size());
  reader.root().read("numbers", written);
  CHECK(written == std::vector<float>(numbers.size(), 1.0f));
}
