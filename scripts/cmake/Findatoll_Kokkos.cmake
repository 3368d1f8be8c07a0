# Kokkos::kokkos, for every Kokkos from 3.4 to 5: the one that Kokkos_ROOT points at, else the system's. Sets
# atoll_on_device where its default execution space is not the host.

find_package(Kokkos CONFIG QUIET)

# Debian 12's package (libtrilinos-kokkos-dev, 3.4.01) exports an include folder that does not exist.
if(TARGET Kokkos::kokkos AND TARGET trilinos_kokkoscore)
  get_filename_component(kokkos_include ${Kokkos_DIR}/../../../../include/trilinos REALPATH)
  set_target_properties(Kokkos::kokkos PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${kokkos_include})
endif()

set(atoll_on_device OFF)
if(Kokkos_ENABLE_CUDA OR Kokkos_ENABLE_HIP OR Kokkos_ENABLE_SYCL)
  set(atoll_on_device ON)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(atoll_Kokkos REQUIRED_VARS Kokkos_DIR VERSION_VAR Kokkos_VERSION HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE "install libtrilinos-kokkos-dev, or set Kokkos_ROOT to a Kokkos installation")
