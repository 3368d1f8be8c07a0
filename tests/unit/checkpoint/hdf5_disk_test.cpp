#include <sys/resource.h>

#include <csignal>

#include "checkpoint/hdf5_file.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::checkpoint;

namespace {

// Keeps files below `bytes` until it dies: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    rlimit const limit{bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(FullDisk const&) = delete;
  FullDisk& operator=(FullDisk const&) = delete;

 private:
  void (*old_handler_)(int);
  rlimit old_limit_{};
};

}  // namespace

TEST_CASE("a folder that is not there fails with path and reason") {
  test::ScratchFolder const folder;
  auto const vanished = folder.path() / "step_00000100";
  CHECK_THROWS_AS(FileWriter(vanished, "shard_0.h5"), base::RuntimeFailure);
  CHECK_THROWS_WITH(FileWriter(vanished, "shard_0.h5"),
                    ContainsSubstring((vanished / "shard_0.h5").string()) &&
                        ContainsSubstring("No such file or directory"));
}

TEST_CASE("a folder that vanishes while its file is written fails with path and reason") {
  test::ScratchFolder const folder;
  auto const vanishing = folder.path() / "step_00000100";
  std::filesystem::create_directory(vanishing);
  FileWriter writer(vanishing, "shard_0.h5");
  writer.root().write("parameters", std::vector<float>(1000));
  std::filesystem::remove_all(vanishing);
  CHECK_THROWS_WITH(writer.finish(),
                    ContainsSubstring(vanishing.string()) && ContainsSubstring("No such file or directory"));
}

TEST_CASE("a disk that is full fails with path and reason and leaves no file") {
  test::ScratchFolder const folder;
  auto const open_files = [] { return test::names_in("/proc/self/fd").size(); };
  auto const open_before = open_files();
  std::vector<float> const values(100'000);
  auto const write = [&](rlim_t bytes) {
    FullDisk const disk(bytes);
    FileWriter writer(folder.path(), "shard_0.h5");
    writer.root().write("parameters", values);
    writer.finish();
  };
  auto const file = (folder.path() / "shard_0.h5").string();
  SECTION("within the values") {
    CHECK_THROWS_WITH(write(200'000), ContainsSubstring(file) && ContainsSubstring("File too large"));
  }
  SECTION("within what describes them") {
    CHECK_THROWS_WITH(write(100), ContainsSubstring(file) && ContainsSubstring("File too large"));
  }
  CHECK(test::names_in(folder.path()).empty());
  CHECK(open_files() == open_before);
  CHECK_NOTHROW(write(10'000'000));
}
