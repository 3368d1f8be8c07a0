#include "checkpoint/hdf5_handle.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace atl::checkpoint {

std::string failure_reason() {
  std::string text = "unknown reason";
  auto const take_first = [](unsigned n, H5E_error2_t const* error, void* out) -> herr_t {
    if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &text);
  std::string_view constexpr quote = "error message = '";
  if (auto const begin = text.find(quote); begin != std::string::npos) {
    text = text.substr(begin + quote.size());
    text.resize(text.find('\''));
  }
  return text;
}

Properties file_access() {
  // A file whose closing failed, as on a full disk, is freed but stays registered (1.10.8): the clean-up of
  // HDF5 at exit would touch it again and crash. All our files are closed by their handles.
  [[maybe_unused]] static herr_t const without_cleanup = H5dont_atexit();
  // HDF5 keeps its error printer per thread, so it is silenced at every opening.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  Properties access(H5Pcreate(H5P_FILE_ACCESS));
  // One format whatever the library's version, with a checksum on every piece of metadata.
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
  // Closing the file closes all in it: finish() must not leave it half open.
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  // Some parallel file systems refuse flock; our files have one writer, under a name of its own.
  H5Pset_file_locking(access.get(), false, true);
  return access;
}

std::string place_of(std::string const& group, std::string_view name) {
  if (name.empty() || name == "." || name.find_first_of(std::string_view("/\0", 2)) != name.npos) {
    throw base::RuntimeFailure(fmt::format("{}: '{}' cannot name a value", group, name));
  }
  return fmt::format("{}{}{}", group, group.ends_with('/') ? "" : "/", name);
}

}  // namespace atl::checkpoint
