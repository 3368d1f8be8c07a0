#include "comm/loss.hpp"

#include <fmt/format.h>
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include <array>
#include <string_view>

namespace atl::comm {

namespace {

std::string text_of(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return {text.data(), static_cast<std::size_t>(length)};
}

// Open MPI's own account of it: a variable of its tools interface, 0 or 1.
[[maybe_unused]] bool is_fault_tolerance_on() {
  int provided = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) return false;
  int index = 0, count = 0;
  bool is_on = false;
  MPI_T_cvar_handle handle = MPI_T_CVAR_HANDLE_NULL;
  if (MPI_T_cvar_get_index("mpi_ft_enable", &index) == MPI_SUCCESS &&
      MPI_T_cvar_handle_alloc(index, nullptr, &handle, &count) == MPI_SUCCESS) {
    MPI_T_cvar_read(handle, &is_on);
    MPI_T_cvar_handle_free(&handle);
  }
  MPI_T_finalize();
  return is_on;
}

}  // namespace

void check_mpi(int code, char const* call, std::source_location where) {
  if (code == MPI_SUCCESS) return;
  auto const what = fmt::format("{}: {}", call, text_of(code));
  if (is_loss(code)) throw ProcessLost(what, where);
  throw base::RuntimeFailure(what, where);
}

#ifdef MPIX_ERR_PROC_FAILED

bool is_loss(int code) {
  int kind = MPI_SUCCESS;
  MPI_Error_class(code, &kind);
  return kind == MPIX_ERR_PROC_FAILED || kind == MPIX_ERR_PROC_FAILED_PENDING || kind == MPIX_ERR_REVOKED;
}
bool knows_losses() { return true; }
bool outlives_losses() {
  static bool const is_on = is_fault_tolerance_on();
  return is_on;
}
void revoke(MPI_Comm comm) { MPIX_Comm_revoke(comm); }

#else

bool is_loss(int) { return false; }
bool knows_losses() { return false; }
bool outlives_losses() { return false; }
void revoke(MPI_Comm) {}

#endif

}  // namespace atl::comm
