# Kokkos::kokkos for every Kokkos from 3.4 to 5, made a SYSTEM include so that its warnings are not ours.
# Debian 12's package (libtrilinos-kokkos-dev, 3.4.01) exports no include folder: it lies in /usr/include/trilinos.

find_package(Kokkos CONFIG QUIET)
if(Kokkos_FOUND AND Kokkos_DIR MATCHES "^/usr/lib" AND EXISTS /usr/include/trilinos/Kokkos_Core.hpp)
  set(Kokkos_FOUND FALSE)
  find_library(atoll_kokkoscore_LIBRARY trilinos_kokkoscore REQUIRED)
  if(NOT TARGET Kokkos::kokkos)
    add_library(Kokkos::kokkos UNKNOWN IMPORTED)
    set_target_properties(Kokkos::kokkos PROPERTIES
      IMPORTED_LOCATION ${atoll_kokkoscore_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES /usr/include/trilinos
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES /usr/include/trilinos
      INTERFACE_LINK_LIBRARIES "dl;Threads::Threads")
  endif()
  file(STRINGS /usr/include/trilinos/KokkosCore_config.h kokkos_version_line REGEX "#define KOKKOS_VERSION ")
  string(REGEX MATCH "[0-9]+" Kokkos_VERSION "${kokkos_version_line}")
endif()

include(FindPackageHandleStandardArgs)
set(atoll_Kokkos_TARGET Kokkos::kokkos)
if(TARGET Kokkos::kokkos)
  set(atoll_Kokkos_READY TRUE)
endif()
find_package_handle_standard_args(atoll_Kokkos REQUIRED_VARS atoll_Kokkos_READY
  REASON_FAILURE_MESSAGE "install libtrilinos-kokkos-dev, or point Kokkos_ROOT at a Kokkos installation (3.4 to 5)")
