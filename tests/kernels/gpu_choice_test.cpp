// Which GPU a process takes, and what others of its node see of that.
#include "kernels/gpu_choice.hpp"

#include <unistd.h>

#include <memory>
#include <vector>

#include "support/catch.hpp"

using namespace atl::kernels;

namespace {

// A node's GPUs, told from those of a test that runs beside this one.
class Node {
 public:
  explicit Node(int gpus) : gpus_(gpus) {}

  // A process of its own comes, until it is lost. Returns its GPU.
  int comes(Seat seat) {
    auto& claims = *processes_.emplace_back(std::make_unique<GpuClaims>());
    return choose_gpu(gpus_, seat, [&](int gpu, int place) { return claims.take(address_of(gpu), place); });
  }
  void loses(std::size_t process) { processes_.at(process).reset(); }

 private:
  std::string address_of(int gpu) const {
    return "test " + std::to_string(getpid()) + ' ' + std::to_string(reinterpret_cast<std::uintptr_t>(this)) +
           ' ' + std::to_string(gpu);
  }

  int gpus_;
  std::vector<std::unique_ptr<GpuClaims>> processes_;
};

}  // namespace

TEST_CASE("processes in a row have a GPU each, whoever was started on the node before them") {
  for (int const before : {0, 1, 3}) {
    Node node(4);
    std::vector<int> taken(4, 0);
    for (int number = before; number < before + 4; ++number)
      ++taken[static_cast<std::size_t>(node.comes({number}))];
    CHECK(taken == std::vector<int>(4, 1));
  }
}

TEST_CASE("more processes than GPUs share them as their numbers say, in whatever order they start") {
  Node node(2);
  CHECK(node.comes({3}) == 1);
  CHECK(node.comes({1}) == 1);
  CHECK(node.comes({2}) == 0);
  CHECK(node.comes({4}) == 0);
}

TEST_CASE("who is given one GPU to see takes that") {
  Node node(1);
  CHECK(node.comes({5}) == 0);
  CHECK(node.comes({0, true}) == 0);
}

TEST_CASE("who comes late takes the GPU of the lost one, whatever its own number") {
  for (int const number : {0, 1, 2, 3}) {
    Node node(4);
    for (int first = 1; first <= 4; ++first) node.comes({first});  // GPUs 1, 2, 3, 0
    node.loses(1);
    CHECK(node.comes({number, true}) == 2);
  }
}

TEST_CASE("a whole site that comes late takes the GPUs of the lost one, one each") {
  Node node(4);
  for (int first = 0; first < 4; ++first) node.comes({first});
  node.loses(1);
  node.loses(3);
  std::vector<int> const taken = {node.comes({0, true}), node.comes({0, true})};
  CHECK(taken == std::vector<int>{1, 3});
}

TEST_CASE("who comes late where all GPUs are shared takes one that the fewest have") {
  Node node(2);
  for (int first = 0; first < 4; ++first) node.comes({first});
  node.loses(1);
  CHECK(node.comes({0, true}) == 1);
  CHECK(node.comes({1, true}) == 1);  // place 2 on either: its own first
}

TEST_CASE("where nothing can be claimed a process takes the GPU of its number") {
  CHECK(choose_gpu(4, {6, true}, [](int, int) { return false; }) == 2);
}
