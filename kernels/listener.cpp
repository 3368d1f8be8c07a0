#include "kernels/listener.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <ranges>
#include <vector>

namespace atl::kernels {
namespace {

namespace tools = Kokkos::Tools::Experimental;

// Kokkos calls plain functions, so there is one set of them.
std::vector<Listener*> listeners;
tools::EventSet before;  // of a tool that Kokkos has loaded

void all_begin(char const* label) {
  for (auto* const listener : listeners) listener->begin(label);
}

void all_end() {
  for (auto* const listener : listeners | std::views::reverse) listener->end();
}

// Calls what a tool has set, if it has.
template <class Callback, class... Arguments>
void pass_on(Callback callback, Arguments... arguments) {
  if (callback != nullptr) callback(arguments...);
}

void install() {
  before = tools::get_callbacks();
  tools::set_push_region_callback([](char const* label) {
    pass_on(before.push_region, label);
    all_begin(label);
  });
  tools::set_pop_region_callback([] {
    all_end();
    pass_on(before.pop_region);
  });
  tools::set_begin_parallel_for_callback([](char const* label, std::uint32_t device, std::uint64_t* kernel) {
    pass_on(before.begin_parallel_for, label, device, kernel);
    all_begin(label);
  });
  tools::set_end_parallel_for_callback([](std::uint64_t kernel) {
    all_end();
    pass_on(before.end_parallel_for, kernel);
  });
  tools::set_begin_parallel_reduce_callback(
      [](char const* label, std::uint32_t device, std::uint64_t* kernel) {
        pass_on(before.begin_parallel_reduce, label, device, kernel);
        all_begin(label);
      });
  tools::set_end_parallel_reduce_callback([](std::uint64_t kernel) {
    all_end();
    pass_on(before.end_parallel_reduce, kernel);
  });
  tools::set_allocate_data_callback(
      [](Kokkos::Tools::SpaceHandle space, char const* label, void const* data, std::uint64_t bytes) {
        pass_on(before.allocate_data, space, label, data, bytes);
        for (auto* const listener : listeners) listener->allocated(space.name, bytes);
      });
  tools::set_deallocate_data_callback(
      [](Kokkos::Tools::SpaceHandle space, char const* label, void const* data, std::uint64_t bytes) {
        for (auto* const listener : listeners) listener->freed(space.name, bytes);
        pass_on(before.deallocate_data, space, label, data, bytes);
      });
}

}  // namespace

Listening::Listening(Listener& listener) : listener_(listener) {
  if (listeners.empty()) install();
  listeners.push_back(&listener);
}

Listening::~Listening() {
  std::erase(listeners, &listener_);
  if (listeners.empty()) tools::set_callbacks(before);
}

}  // namespace atl::kernels
