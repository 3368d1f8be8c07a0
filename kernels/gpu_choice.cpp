#include "kernels/gpu_choice.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace atl::kernels {

namespace {

constexpr int most_at_one_gpu = 64;

}  // namespace

int choose_gpu(int gpus, Seat seat, std::function<bool(int gpu, int place)> const& claim) {
  int const own = seat.number % gpus;
  for (int place = 0; place < most_at_one_gpu; ++place) {
    for (int next = 0; next < (seat.comes_late ? gpus : 1); ++next) {
      int const gpu = (own + next) % gpus;
      if (claim(gpu, place)) return gpu;
    }
  }
  return own;
}

GpuClaims::~GpuClaims() {
  for (int const socket : sockets_) close(socket);
}

// A name that begins with 0 is of no file (unix(7), abstract): it lives as long as the socket.
bool GpuClaims::take(std::string const& address, int place) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  auto const text = "atoll/" + address + '/' + std::to_string(place);
  auto const length = std::min(text.size(), sizeof name.sun_path - 1);
  std::memcpy(name.sun_path + 1, text.data(), length);
  int const socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return true;  // then nobody sees of anybody
  auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  bool const is_free =
      bind(socket, reinterpret_cast<sockaddr const*>(&name), size) == 0 || errno != EADDRINUSE;
  if (is_free) {
    sockets_.push_back(socket);
  } else {
    close(socket);
  }
  return is_free;
}

}  // namespace atl::kernels
