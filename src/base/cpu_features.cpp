#include "base/cpu_features.hpp"

#include <fmt/format.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace atl::base {

std::string cpu_features() {
  std::string features;
  __builtin_cpu_init();
  [[maybe_unused]] auto const add = [&](bool has, char const* name) {
    if (has) features += fmt::format("{}{}", features.empty() ? "" : " ", name);
  };
#if defined(__x86_64__)
  add(__builtin_cpu_supports("avx2") != 0, "avx2");
  add(__builtin_cpu_supports("fma") != 0, "fma");
  add(__builtin_cpu_supports("avx512f") != 0, "avx512f");
  add(has_bf16(), "avx512_bf16");
#endif
  return features.empty() ? "none that matter here" : features;
}

bool has_bf16() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

bool has_fast_bf16() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  bool const has_tiles = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & (1U << 22U)) != 0;
  return has_bf16() && (has_tiles || __builtin_cpu_is("amd") != 0);
#else
  return false;
#endif
}

}  // namespace atl::base
