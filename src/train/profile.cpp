#include "train/profile.hpp"

#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "comm/shares.hpp"
#include "kernels/buffer.hpp"
#include "kernels/device.hpp"
#include "kernels/listener.hpp"
#include "kernels/matmul.hpp"
#include "kernels/operations.hpp"
#include "train/memory_use.hpp"
#include "train/utilisation.hpp"

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

class Profile::Listener final : public kernels::Listener {
 public:
  void begin(char const* label) override {
    if (std::this_thread::get_id() != thread) return;
    bool const is_step = std::string_view(label) == training_step_label;
    if (depth == 0 && !is_step) return;
    if (++depth > 2) return;
    catch_up();
    double const now_s = base::now_s();
    if (is_step) {
      step_begin_s = now_s;
      tokens_before = kernels::trained_tokens;
      counted = Counted::now();
    } else {
      current = {std::string(group_of(label)), now_s};
    }
  }

  void end() override {
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
        tokens += kernels::trained_tokens - tokens_before;
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

  std::thread::id thread = std::this_thread::get_id();
  int depth = 0;  // 1: in a step; 2: in a group; deeper: in parts of it
  double step_begin_s = 0.0;
  Row current;      // its begin
  Counted counted;  // before it
  std::map<std::string, Row> of_step, rows;
  std::uint64_t steps = 0, tokens = 0, tokens_before = 0;
  double seconds = 0.0;
  Traffic traffic, traffic_before;
  BufferMeter buffers;

 private:
  kernels::Listening const listening_{*this};  // last: until here nobody calls
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

Profile::Profile(RunPlan const& plan)
    : peak_operations_s_(measure_peak(model_here(plan.config.model).precision)),
      listener_(std::make_unique<Listener>()),
      expected_(estimate_memory(plan)) {
  auto const needed = operations_per_token(plan.config.model);
  model_ = {.multiplying = needed.multiplying,
            .operations_per_token = needed.all,
            .device = kernels::Device::facts().name};
  model_.stated_operations_s = stated_peak_operations_s(model_.device).value_or(0.0);
}

Profile::~Profile() = default;

Profile::Summary Profile::summary() const {
  Summary summary{.steps = listener_->steps > warm_up_steps ? listener_->steps - warm_up_steps : 0,
                  .seconds = listener_->seconds,
                  .peak_operations_s = peak_operations_s_,
                  .rows = {},
                  .traffic = listener_->traffic,
                  .model = model_,
                  .memory = {.resident_bytes = peak_resident_bytes(),
                             .buffer_bytes = listener_->buffers.peak_bytes(),
                             .expected = expected_}};
  summary.model.tokens = listener_->tokens;
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

namespace {

// "7519 tokens/s of this rank take 23.6 MFLOP each, ..."
std::string utilisation(Profile::Summary const& summary) {
  auto const& model = summary.model;
  double const tokens_s = static_cast<double>(model.tokens) / summary.seconds;
  double const operations_s = tokens_s * model.operations_per_token;
  auto text = fmt::format(
      "\nmodel FLOP utilisation {:.1f}%: {:.1f} tokens/s of this rank, {:.4g} GFLOP each (6 N + 12 L H Q T, "
      "N = "
      "{:.2f} M), are {:.1f} of {:.1f} GFLOP/s",
      100 * operations_s / summary.peak_operations_s, tokens_s, model.operations_per_token / 1e9,
      static_cast<double>(model.multiplying) / 1e6, operations_s / 1e9, summary.peak_operations_s / 1e9);
  if (model.stated_operations_s > 0) {
    text += fmt::format("; {:.1f}% of the {:.0f} TFLOP/s in bf16, dense, that are stated for {}",
                        100 * operations_s / model.stated_operations_s, model.stated_operations_s / 1e12,
                        model.device);
  }
  return text;
}

std::string memory_taken(Profile::Memory const& memory) {
  auto const mib = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  auto text = fmt::format("\nmemory: at most {:.0f} MiB in this process; {:.0f} were expected",
                          mib(memory.resident_bytes), mib(memory.expected.site_rank_bytes));
  if (memory.expected.site_device_bytes > 0) {
    text += fmt::format(". Of the device at most {:.0f} MiB in buffers of kernels; {:.0f} were expected",
                        mib(memory.buffer_bytes), mib(memory.expected.site_device_bytes));
  }
  return text;
}

}  // namespace

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
  text += utilisation(summary);
  text += memory_taken(summary.memory);
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
  auto const& model = summary.model;
  auto const& memory = summary.memory;
  nlohmann::ordered_json json{{"steps", summary.steps},
                              {"seconds", summary.seconds},
                              {"tokens", model.tokens},
                              {"model_operations_per_token", model.operations_per_token},
                              {"peak_operations_per_s", summary.peak_operations_s},
                              {"groups", rows},
                              {"site_bytes", summary.traffic.site},
                              {"site_bytes_beside", summary.traffic.site_beside},
                              {"bytes_out", summary.traffic.out},
                              {"bytes_in", summary.traffic.in},
                              {"peak_resident_bytes", memory.resident_bytes},
                              {"expected_resident_bytes", memory.expected.site_rank_bytes},
                              {"peak_buffer_bytes", memory.buffer_bytes}};
  double const needed = static_cast<double>(model.tokens) * model.operations_per_token;
  auto const share_of = [&](double peak) { return needed / summary.seconds / peak; };
  if (summary.seconds > 0) json["model_utilisation"] = share_of(summary.peak_operations_s);
  if (!model.device.empty()) {
    json["device"] = model.device;
    json["expected_device_bytes"] = memory.expected.site_device_bytes;
  }
  if (model.stated_operations_s > 0) {
    json["stated_operations_per_s"] = model.stated_operations_s;
    if (summary.seconds > 0) json["model_utilisation_of_stated"] = share_of(model.stated_operations_s);
  }
  return json.dump(2);
}

}  // namespace atl::train
