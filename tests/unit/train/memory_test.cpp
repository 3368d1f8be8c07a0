// What a run will take of memory, and what a process has taken.
#include <fmt/format.h>

#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "train/memory_estimate.hpp"
#include "train/memory_use.hpp"

using namespace atl;

namespace {

train::RunPlan plan_with(deck::Codec codec, bool is_sharded = false) {
  deck::RunConfig config;
  config.sites.ranks = {2};
  config.model = {.layers = 2, .width = 64, .heads = 2, .kv_heads = 1, .ffn_width = 128, .context = 16};
  config.data.tokenizer = "bytes";
  config.inner.shard_optimizer = is_sharded;
  config.outer.fragments = 2;
  config.outer.receive = deck::Receive::rebase;
  config.outer.codec = codec;
  return train::make_plan(config);
}

constexpr std::size_t workspace = 32U << 20U;

}  // namespace

TEST_CASE("the memory line of a host names one memory, that of a device two") {
  constexpr std::size_t mib = 1U << 20U;
  train::MemoryEstimate estimate{.site_rank_bytes = 255 * mib,
                                 .shard_bytes = 90 * mib,
                                 .site_copy_bytes = 75 * mib,
                                 .shard_copy_bytes = 35 * mib};
  CHECK(describe(estimate) ==
        "memory  255 MiB a site rank, 90 MiB a shard; of it 75 and 35 while a checkpoint is written\n");
  estimate.site_device_bytes = 4000 * mib;
  CHECK(describe(estimate) ==
        "memory  4000 MiB of the device and 255 MiB of the host a site rank, 90 MiB a shard; of it 75 and 35 "
        "of "
        "the host while a checkpoint is written\n");
}

TEST_CASE("a device holds what kernels touch, its host what is on its way and the copy of a checkpoint") {
  auto const plan = plan_with(deck::Codec::int8);
  auto const host = estimate_memory(plan, /*is_on_device=*/false);
  auto const device = estimate_memory(plan, /*is_on_device=*/true);
  CHECK(host.site_device_bytes == 0);
  CHECK(device.shard_bytes == host.shard_bytes);
  CHECK(device.site_copy_bytes == host.site_copy_bytes);
  // Beside what a host holds too: the workspace of products, residuals under way, the parameters and a
  // moment as the host reads them, and messages where they are coded and where they are pinned.
  std::size_t const parameters = sizeof(float) * plan.table.size();
  std::size_t const message = sizeof(float) * plan.table.largest_fragment();
  auto const in_flight = static_cast<std::size_t>(plan.outer.in_flight);
  CHECK(device.site_device_bytes + device.site_rank_bytes ==
        host.site_rank_bytes + workspace + 2 * parameters + in_flight * (1 + 2 + 2) * message);
  // Parameters, gradients, bases, snapshots, residuals and two moments.
  CHECK(device.site_device_bytes > 7 * parameters + workspace);
}

TEST_CASE("of a device a rank asks what its place needs") {
  auto const lossy = plan_with(deck::Codec::int8), exact = plan_with(deck::Codec::fp32);
  std::size_t const parameters = sizeof(float) * lossy.table.size();
  comm::SiteLayout const layout(lossy.config, comm::SiteLayout::ranks_needed(lossy.config));
  int const leader = layout.leader_rank(0);
  auto const of_leader = estimate_device_bytes(lossy, layout, leader);
  CHECK(of_leader == estimate_memory(lossy, /*is_on_device=*/true).site_device_bytes);
  std::size_t const residuals = of_leader - estimate_device_bytes(lossy, layout, leader + 1);
  CHECK(residuals > parameters);
  CHECK(residuals <= 2 * parameters + sizeof(float) * lossy.table.largest_fragment());  // some are under way
  CHECK(estimate_device_bytes(exact, layout, leader) == estimate_device_bytes(exact, layout, leader + 1));
  auto const sharded = plan_with(deck::Codec::fp32, /*is_sharded=*/true);
  CHECK(estimate_device_bytes(sharded, layout, leader) < estimate_device_bytes(exact, layout, leader));
}

TEST_CASE("ranks that ask a device for more than it has are refused, with what they ask for") {
  constexpr std::size_t gib = 1U << 30U;
  train::DeviceDemand demand{"NVIDIA H100 80GB HBM3", 80 * gib, 2, 70 * gib};
  CHECK_NOTHROW(check_fits(demand));
  demand.asked_bytes = 80 * gib;
  CHECK_NOTHROW(check_fits(demand));  // and warns
  demand.asked_bytes = 90 * gib;
  try {
    check_fits(demand);
    FAIL("it was let through");
  } catch (base::InputError const& error) {
    CHECK(error.problems().at(0).what ==
          "2 site ranks of this run ask NVIDIA H100 80GB HBM3 for 92160 MiB, and it has 81920");
  }
}

TEST_CASE("a process knows the most memory that it has held") {
  auto const before = train::peak_resident_bytes();
  REQUIRE(before > 0);
  std::vector<char> const touched(64U << 20U, 'x');
  CHECK(train::peak_resident_bytes() >= before + (touched.size() / 2));
}

TEST_CASE("the meter of buffers keeps the most that were there at once") {
  train::BufferMeter meter;
  {
    auto const one = kernels::make_float_buffer("one", 1000);
    auto const two = kernels::make_float_buffer("two", 500);
  }
  auto const peak = meter.peak_bytes();
  CHECK(peak >= 6000);
  CHECK(peak < 7000);
  auto const three = kernels::make_float_buffer("three", 200);
  CHECK(meter.peak_bytes() == peak);
}
