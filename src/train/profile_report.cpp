// What a profile says, for people and for programs.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "train/profile.hpp"

namespace atl::train {

namespace {

// "7519 tokens/s of this rank take 23.6 MFLOP each, ..."
std::string utilisation(Profile::Summary const& summary) {
  auto const& model = summary.model;
  double const tokens_s = static_cast<double>(model.tokens) / summary.seconds;
  double const operations_s = tokens_s * model.operations_per_token;
  auto text = fmt::format(
      "\nmodel FLOP utilisation {:.1f}%: {:.1f} tokens/s of this rank, {:.4g} GFLOP each (6 N + 12 L H Q T, "
      "N = {:.2f} M), are {:.1f} of {:.1f} GFLOP/s",
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

// Other work was on the cores when it was measured.
bool is_peak_too_low(Profile::Summary const& summary) {
  return std::ranges::any_of(summary.rows, [&](auto const& row) {
    return row.operations > 1.1 * summary.peak_operations_s * row.seconds;
  });
}

}  // namespace

std::string to_table(Profile::Summary const& summary) {
  if (summary.steps == 0) return "profile: the run was too short; its first two steps do not count";
  auto const steps = static_cast<double>(summary.steps);
  double const step_s = summary.seconds / steps;
  auto text = fmt::format("{:<26}{:>10}{:>8}{:>8}{:>9}{:>8}{:>10}{:>9}\n", "a step of this rank", "ms", "%",
                          "calls", "MB", "GB/s", "GFLOP/s", "of peak");
  double operations = 0.0, bytes = 0.0;
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
    }
    text += '\n';
  }
  double const rate = operations / summary.seconds;
  text += fmt::format(
      "{:<26}{:>10.2f}{:>8.1f}{:>8}{:>9.1f}{:>8.1f}{:>10.1f}{:>8.1f}%  of {:.1f} GFLOP/s, measured",
      fmt::format("mean of {} steps", summary.steps), 1e3 * step_s, 100.0, "", bytes / steps / 1e6,
      bytes / summary.seconds / 1e9, rate / 1e9, 100 * rate / summary.peak_operations_s,
      summary.peak_operations_s / 1e9);
  if (is_peak_too_low(summary)) {
    text +=
        "\nfaster than the peak that was measured before the first step: other work was on these cores then, "
        "and shares of it mean nothing";
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
                              {"peak_is_too_low", is_peak_too_low(summary)},
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
