#include "kernels/staging.hpp"

#include <cstring>

#if defined(KOKKOS_ENABLE_CUDA)
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>
#endif

namespace atl::kernels {

#if defined(KOKKOS_ENABLE_CUDA)

namespace {

void check(cudaError_t code, char const* call) {
  if (code != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(code));
}

// Never destroyed: when statics die, CUDA may be gone.
cudaStream_t staging_stream() {
  static cudaStream_t const one = [] {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    return stream;
  }();
  return one;
}

void copy_beside(void* to, void const* from, std::size_t size, cudaMemcpyKind direction) {
  check(cudaMemcpyAsync(to, from, size, direction, staging_stream()), "cudaMemcpyAsync");
}

}  // namespace

struct Milestone::Event {
  Event() { check(cudaEventCreate(&event), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event); }
  Event(Event const&) = delete;
  Event& operator=(Event const&) = delete;

  void record(cudaStream_t stream) {
    check(cudaEventRecord(event, stream), "cudaEventRecord");
    is_set = true;
  }
  void hold_back(cudaStream_t stream) const {
    if (is_set) check(cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent");
  }

  cudaEvent_t event = nullptr;
  bool is_set = false;
};

Milestone::Milestone() : event_(std::make_unique<Event>()) {}

// Whoever owns memory beside it may free that next.
Milestone::~Milestone() {
  if (event_->is_set) cudaEventSynchronize(event_->event);
}

void Milestone::set(Exec const& exec) { event_->record(exec.cuda_stream()); }

bool Milestone::is_passed() const {
  if (!event_->is_set) return true;
  auto const code = cudaEventQuery(event_->event);
  if (code == cudaSuccess) return true;
  if (code != cudaErrorNotReady) check(code, "cudaEventQuery");
  cudaGetLastError();  // no error: whoever asks for the last one must not find it
  return false;
}

void Milestone::wait() const {
  if (event_->is_set) check(cudaEventSynchronize(event_->event), "cudaEventSynchronize");
}

void Staging::leave(Exec const& exec) {
  begun_.set(exec);
  begun_.event_->hold_back(staging_stream());
  begun_.event_->record(staging_stream());
  copy_beside(twin_.data(), memory_.data(), size_, cudaMemcpyDeviceToHost);
  there_.event_->record(staging_stream());
}

void Staging::come(std::span<std::byte const> bytes) {
  there_.wait();  // the twin is the last copy's until then
  make_room(bytes.size());
  std::memcpy(twin_.data(), bytes.data(), size_);
  read_.event_->hold_back(staging_stream());
  begun_.event_->record(staging_stream());
  copy_beside(memory_.data(), twin_.data(), size_, cudaMemcpyHostToDevice);
  there_.event_->record(staging_stream());
}

Tensor1<std::byte const> Staging::arrived(Exec const& exec) const {
  there_.event_->hold_back(exec.cuda_stream());
  return Tensor1<std::byte const>(memory_.data(), size_);
}

void Staging::read(Exec const& exec) { read_.set(exec); }

double Staging::copy_s() const {
  float milliseconds = 0.0F;
  check(cudaEventElapsedTime(&milliseconds, begun_.event_->event, there_.event_->event),
        "cudaEventElapsedTime");
  return 1e-3 * milliseconds;
}

#else

// Where memory is shared; and where it is not, but there are no events, copies are waited for.
struct Milestone::Event {};

Milestone::Milestone() = default;
Milestone::~Milestone() = default;
void Milestone::set(Exec const& exec) { exec.fence(); }
bool Milestone::is_passed() const { return true; }
void Milestone::wait() const {}

void Staging::leave(Exec const& exec) {
  if constexpr (!is_host_memory) Kokkos::deep_copy(exec, twin_, memory_);
  exec.fence();
}

void Staging::come(std::span<std::byte const> bytes) {
  if constexpr (is_host_memory) {
    lies_at_ = bytes.data();
    size_ = bytes.size();
  } else {
    make_room(bytes.size());
    std::memcpy(twin_.data(), bytes.data(), size_);
    Kokkos::deep_copy(memory_, twin_);
  }
}

Tensor1<std::byte const> Staging::arrived(Exec const&) const {
  return Tensor1<std::byte const>(is_host_memory ? lies_at_ : memory_.data(), size_);
}

void Staging::read(Exec const& exec) { exec.fence(); }

double Staging::copy_s() const { return 0.0; }

#endif

void Staging::make_room(std::size_t size) {
  if (memory_.size() < size) {
    read_.wait();
    memory_ = {};  // before there is more: not both at once
    memory_ = decltype(memory_)(Kokkos::view_alloc("staged", Kokkos::WithoutInitializing), size);
    if constexpr (!is_host_memory)
      twin_ = decltype(twin_)(Kokkos::view_alloc("staged, on the host", Kokkos::WithoutInitializing), size);
  }
  size_ = size;
}

Tensor1<std::byte> Staging::room(std::size_t size) {
  there_.wait();
  make_room(size);
  return Tensor1<std::byte>(memory_.data(), size);
}

std::span<std::byte const> Staging::bytes() const {
  if constexpr (is_host_memory)
    return {memory_.data(), size_};
  else
    return {twin_.data(), size_};
}

}  // namespace atl::kernels
