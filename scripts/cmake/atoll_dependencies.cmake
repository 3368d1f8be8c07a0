# Everything atoll takes from elsewhere, as imported targets. Nothing is downloaded.

find_package(Threads REQUIRED)

# MPI: the virtual environment beside the sources, which scripts/setup.sh fills with an Open MPI that has ULFM. A
# cluster's own instead: -DMPI_HOME=/its/prefix.
set(venv ${PROJECT_SOURCE_DIR}/.venv)
if(NOT MPI_HOME AND EXISTS ${venv}/bin/mpicxx)
  set(MPI_HOME ${venv})
endif()
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI REQUIRED COMPONENTS CXX)
if(MPI_HOME STREQUAL venv)
  list(GET MPI_CXX_LIBRARIES 0 mpi_library)
  file(REAL_PATH ${mpi_library} mpi_library)
  file(REAL_PATH ${venv} venv)
  cmake_path(IS_PREFIX venv ${mpi_library} mpi_is_in_venv)
  if(NOT mpi_is_in_venv)
    message(FATAL_ERROR "found ${mpi_library}, not the MPI of ${venv}: remove ${PROJECT_BINARY_DIR}, which "
      "remembers an older search, or choose with -DMPI_HOME=PREFIX")
  endif()
endif()
# Every Open MPI from 3 to 5 is called libmpi.so.40, so the name does not tell which one a program gets. RPATH, unlike
# the RUNPATH that MPI's wrappers ask for, goes before LD_LIBRARY_PATH and holds for libraries' libraries too.
set_property(TARGET MPI::MPI_CXX APPEND PROPERTY INTERFACE_LINK_OPTIONS -Wl,--disable-new-dtags)

find_package(atoll_Kokkos 3.4...<6 REQUIRED)
option(ATOLL_GPU "Take no Kokkos that computes on the host" OFF)
if(ATOLL_GPU AND NOT atoll_on_device)
  message(FATAL_ERROR "this Kokkos computes on the host (${Kokkos_DIR}): name one that was built with CUDA by -DKokkos_ROOT=, "
    "or take the preset release")
endif()
find_package(CUDAToolkit QUIET)  # where it is, what needs it is compiled, whatever Kokkos runs on
if(CUDAToolkit_FOUND)
  find_package(NCCL 2.18 QUIET)
  if(Kokkos_ENABLE_CUDA AND NOT NCCL_FOUND)
    message(STATUS "NCCL 2.18 or later: not found (NCCL_ROOT says where); between a site's GPUs all goes through the host")
  endif()
endif()
if(NOT atoll_on_device)
  find_package(dnnl REQUIRED)
endif()
set(HDF5_PREFER_PARALLEL OFF)  # one file per writer: a collectively written file does not survive a lost rank
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(fmt REQUIRED)
if(Kokkos_ENABLE_CUDA)  # under nvcc fmt 9 does without constexpr, but for a few functions that then miss it
  target_compile_definitions(atoll_options INTERFACE FMT_USE_CONSTEXPR=1)
endif()
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(atoll_xxhash REQUIRED)
if(ATOLL_SENTENCEPIECE STREQUAL "AUTO")
  find_package(atoll_SentencePiece)
elseif(ATOLL_SENTENCEPIECE)
  find_package(atoll_SentencePiece REQUIRED)
endif()
