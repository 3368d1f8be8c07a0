#include "train/profile.hpp"

#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "comm/shares.hpp"
#include "kernels/buffer.hpp"
#include "kernels/matmul.hpp"
#include "kernels/operations.hpp"

namespace atl::train {

namespace {

constexpr std::uint64_t warm_up_steps = 2;

// The row of a label, by how it begins.
std::string_view group_of(std::string_view label) {
  constexpr std::array<std::pair<char const*, char const*>, 19> groups = {{
      {"matmul", "matrix products"},
      {"attention", "attention"},
      {"residual", "norms"},
      {"layernorm", "norms"},
      {"rmsnorm", "norms"},
      {"gelu", "activation functions"},
      {"swiglu", "activation functions"},
      {"rope", "positions and biases"},
      {"bias", "positions and biases"},
      {"cross_entropy", "loss"},
      {"embedding", "embedding"},
      {"narrow", "copies in bf16"},
      {"adamw", "optimizer"},
      {"sgd", "optimizer"},
      {"momentum", "optimizer"},
      {"nesterov", "optimizer"},
      {"newton_schulz", "optimizer"},
      {"sum_of_squares", "gradient norm"},
      {"fill", "zeroing gradients"},
  }};
  for (auto const& [begin, group] : groups) {
    if (label.starts_with(begin)) return group;
  }
  return label;
}

// A device works behind the host: a group's time ends when its work does.
void catch_up() {
  if constexpr (!kernels::is_host_memory) kernels::Exec().fence();
}

// Operations a second of square products, the best of many.
template <class Buffer>
double peak_of(Buffer const& a, Buffer const& b, kernels::FloatBuffer const& out, std::size_t size) {
  using Number = typename Buffer::value_type;
  kernels::Exec const exec;
  auto const view = [&](Buffer const& x) { return kernels::Tensor2<Number>(x.data(), size, size); };
  kernels::Tensor2<float> const product(out.data(), size, size);
  double best_s = 1e9;
  double const begin_s = base::now_s();
  for (int run = 0; run < 3 || base::now_s() - begin_s < 0.7; ++run) {
    double const start_s = base::now_s();
    kernels::matmul_nt(exec, view(a), view(b), kernels::Update::overwrite, product);
    exec.fence();
    best_s = std::min(best_s, base::now_s() - start_s);
  }
  return 2.0 * static_cast<double>(size * size * size) / best_s;
}

double measure_peak(deck::Precision precision) {
  constexpr std::size_t size = kernels::is_host_memory ? 1024 : 8192;
  auto const out = kernels::make_float_buffer("peak", size * size);
  if (precision == deck::Precision::bf16) {
    auto const a = kernels::make_bf16_buffer("peak", size * size);
    return peak_of(a, kernels::make_bf16_buffer("peak", size * size), out, size);
  }
  auto const a = kernels::make_float_buffer("peak", size * size);
  return peak_of(a, kernels::make_float_buffer("peak", size * size), out, size);
}

}  // namespace

// Kokkos calls plain functions, so there is one of it.
class Profile::Listener {
 public:
  using Tools = Kokkos::Tools::Experimental::EventSet;

  Listener() : before(Kokkos::Tools::Experimental::get_callbacks()) {
    using namespace Kokkos::Tools::Experimental;
    only = this;
    set_push_region_callback([](char const* label) {
      if (only->before.push_region != nullptr) only->before.push_region(label);
      only->begin(label);
    });
    set_pop_region_callback([] {
      only->end();
      if (only->before.pop_region != nullptr) only->before.pop_region();
    });
    set_begin_parallel_for_callback([](char const* label, std::uint32_t device, std::uint64_t* kernel) {
      if (only->before.begin_parallel_for != nullptr) only->before.begin_parallel_for(label, device, kernel);
      only->begin(label);
    });
    set_end_parallel_for_callback([](std::uint64_t kernel) {
      only->end();
      if (only->before.end_parallel_for != nullptr) only->before.end_parallel_for(kernel);
    });
    set_begin_parallel_reduce_callback([](char const* label, std::uint32_t device, std::uint64_t* kernel) {
      if (only->before.begin_parallel_reduce != nullptr)
        only->before.begin_parallel_reduce(label, device, kernel);
      only->begin(label);
    });
    set_end_parallel_reduce_callback([](std::uint64_t kernel) {
      only->end();
      if (only->before.end_parallel_reduce != nullptr) only->before.end_parallel_reduce(kernel);
    });
  }
  ~Listener() {
    Kokkos::Tools::Experimental::set_callbacks(before);
    only = nullptr;
  }

  void begin(char const* label) {
    if (std::this_thread::get_id() != thread) return;
    bool const is_step = std::string_view(label) == training_step_label;
    if (depth == 0 && !is_step) return;
    if (++depth > 2) return;
    catch_up();
    double const now_s = base::now_s();
    if (is_step) {
      step_begin_s = now_s;
      counted = Counted::now();
    } else {
      current = {std::string(group_of(label)), now_s};
    }
  }

  void end() {
    if (std::this_thread::get_id() != thread || depth == 0) return;
    --depth;
    if (depth < 2) catch_up();
    if (depth == 1) {
      auto& row = of_step[current.group];
      row.seconds += base::now_s() - current.seconds;
      // Operands are counted before the label begins.
      Counted const now = Counted::now();
      row.operations += now.operations - counted.operations;
      row.bytes += now.bytes - counted.bytes;
      counted = now;
      ++row.calls;
    } else if (depth == 0) {
      if (++steps > warm_up_steps) {
        seconds += base::now_s() - step_begin_s;
        for (auto const& [group, row] : of_step) {
          Row& total = rows[group];
          total.seconds += row.seconds;
          total.calls += row.calls;
          total.operations += row.operations;
          total.bytes += row.bytes;
        }
        traffic.add(Traffic::now(), traffic_before);
      }
      traffic_before = Traffic::now();  // what comes between two steps is the next one's
      of_step.clear();
    }
  }

  // Of this process so far.
  struct Counted {
    static Counted now() {
      return {static_cast<double>(kernels::product_operations), static_cast<double>(kernels::bytes_moved)};
    }
    double operations = 0.0, bytes = 0.0;
  };

  static inline Listener* only = nullptr;

  Tools before;
  std::thread::id thread = std::this_thread::get_id();
  int depth = 0;  // 1: in a step; 2: in a group; deeper: in parts of it
  double step_begin_s = 0.0;
  Row current;      // its begin
  Counted counted;  // before it
  std::map<std::string, Row> of_step, rows;
  std::uint64_t steps = 0;
  double seconds = 0.0;
  Traffic traffic, traffic_before;
};

void Profile::Traffic::add(Traffic const& after, Traffic const& before) {
  site += after.site - before.site;
  site_beside += after.site_beside - before.site_beside;
  out += after.out - before.out;
  in += after.in - before.in;
}

Profile::Traffic Profile::Traffic::now() {
  auto const number = [](std::uint64_t count) { return static_cast<double>(count); };
  return {number(comm::site_traffic.all), number(comm::site_traffic.beside), number(contributed_bytes),
          number(released_bytes)};
}

Profile::Profile(deck::Precision precision)
    : listener_(std::make_unique<Listener>()), peak_operations_s_(measure_peak(precision)) {}

Profile::~Profile() = default;

Profile::Summary Profile::summary() const {
  Summary summary{.steps = listener_->steps > warm_up_steps ? listener_->steps - warm_up_steps : 0,
                  .seconds = listener_->seconds,
                  .peak_operations_s = peak_operations_s_,
                  .rows = {},
                  .traffic = listener_->traffic};
  double named_s = 0.0;
  for (auto const& [group, row] : listener_->rows) {
    summary.rows.push_back(row);
    summary.rows.back().group = group;
    named_s += row.seconds;
  }
  summary.rows.push_back({"everything else", summary.seconds - named_s, summary.steps});
  std::ranges::sort(summary.rows, std::greater{}, &Row::seconds);
  return summary;
}

std::string to_table(Profile::Summary const& summary) {
  if (summary.steps == 0) return "profile: the run was too short; its first two steps do not count";
  auto const steps = static_cast<double>(summary.steps);
  double const step_s = summary.seconds / steps;
  auto text = fmt::format("{:<26}{:>10}{:>8}{:>8}{:>9}{:>8}{:>10}{:>9}\n", "a step of this rank", "ms", "%",
                          "calls", "MB", "GB/s", "GFLOP/s", "of peak");
  double operations = 0.0, bytes = 0.0, highest = 0.0;
  for (auto const& row : summary.rows) {
    text += fmt::format("{:<26}{:>10.2f}{:>8.1f}{:>8.0f}", row.group, 1e3 * row.seconds / steps,
                        100 * row.seconds / summary.seconds, static_cast<double>(row.calls) / steps);
    text += row.bytes > 0
                ? fmt::format("{:>9.1f}{:>8.1f}", row.bytes / steps / 1e6, row.bytes / row.seconds / 1e9)
                : fmt::format("{:17}", "");
    bytes += row.bytes;
    if (row.operations > 0) {
      double const rate = row.operations / row.seconds;
      text += fmt::format("{:>10.1f}{:>8.1f}%", rate / 1e9, 100 * rate / summary.peak_operations_s);
      operations += row.operations;
      highest = std::max(highest, rate);
    }
    text += '\n';
  }
  double const rate = operations / summary.seconds;
  text += fmt::format(
      "{:<26}{:>10.2f}{:>8.1f}{:>8}{:>9.1f}{:>8.1f}{:>10.1f}{:>8.1f}%  of {:.1f} GFLOP/s, measured",
      fmt::format("mean of {} steps", summary.steps), 1e3 * step_s, 100.0, "", bytes / steps / 1e6,
      bytes / summary.seconds / 1e9, rate / 1e9, 100 * rate / summary.peak_operations_s,
      summary.peak_operations_s / 1e9);
  if (highest > 1.1 * summary.peak_operations_s) {
    text +=
        "\nfaster than the peak that was measured before the first step: other work was on these cores then, "
        "and "
        "shares of it mean nothing";
  }
  auto const& traffic = summary.traffic;
  if (traffic.site > 0) {
    text += fmt::format(
        "\n{:.1f} MB of gradients and parameters a step come from other ranks of the site, {:.0f} % before "
        "they are waited for",
        traffic.site / steps / 1e6, 100 * traffic.site_beside / traffic.site);
  }
  if (traffic.out + traffic.in > 0) {
    text += fmt::format(
        "\nacross sites {:.2f} MB a step leave and {:.2f} MB come beside the steps, but for their coding and "
        "adoption",
        traffic.out / steps / 1e6, traffic.in / steps / 1e6);
  }
  return text;
}

std::string to_json(Profile::Summary const& summary) {
  auto rows = nlohmann::ordered_json::array();
  for (auto const& row : summary.rows) {
    rows.push_back({{"group", row.group},
                    {"seconds", row.seconds},
                    {"calls", row.calls},
                    {"operations", row.operations},
                    {"bytes", row.bytes}});
  }
  return nlohmann::ordered_json{{"steps", summary.steps},
                                {"seconds", summary.seconds},
                                {"peak_operations_per_s", summary.peak_operations_s},
                                {"groups", rows},
                                {"site_bytes", summary.traffic.site},
                                {"site_bytes_beside", summary.traffic.site_beside},
                                {"bytes_out", summary.traffic.out},
                                {"bytes_in", summary.traffic.in}}
      .dump(2);
}

}  // namespace atl::train
