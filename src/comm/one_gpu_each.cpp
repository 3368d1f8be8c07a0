#include "comm/one_gpu_each.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <fstream>
#include <map>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace atl::comm {

std::string this_node() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  check_mpi(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  return fmt::format("{}\n{}", std::string_view(name.data(), static_cast<std::size_t>(length)), boot);
}

namespace {

std::string first_line(std::string const& text) { return text.substr(0, text.find('\n')); }

}  // namespace

void check_one_gpu_each(Communicator const& site, std::string const& gpu) {
  auto const mine = fmt::format("GPU {} of node {}", gpu, this_node());
  auto const bytes = std::as_bytes(std::span(mine));
  std::map<std::string, std::vector<int>> ranks_on;
  int rank = 0;
  for (auto const& other : site.all_gather_each({bytes.begin(), bytes.end()}))
    ranks_on[{reinterpret_cast<char const*>(other.data()), other.size()}].push_back(rank++);

  std::vector<std::string> shared;
  for (auto const& [where, ranks] : ranks_on) {
    if (ranks.size() > 1)
      shared.push_back(fmt::format("ranks {} share {}", fmt::join(ranks, ", "), first_line(where)));
  }
  if (shared.empty()) return;
  throw base::InputError(
      "sites.ranks",
      fmt::format("of the {} ranks of a site {}, and NCCL wants a GPU a rank", site.size(),
                  fmt::join(shared, "; ")),
      "give every site at most as many ranks on a node as that has GPUs (look at "
      "CUDA_VISIBLE_DEVICES and the job's --gpus-per-task), or make it several sites of one "
      "rank, which may share a GPU");
}

}  // namespace atl::comm
