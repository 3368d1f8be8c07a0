#include "train/profile.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <memory>
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

}  // namespace atl::train
