# Everything atoll takes from elsewhere. Each as an imported target; none is downloaded.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# MPI: a virtual environment beside the sources first (scripts/setup.sh puts Open MPI with ULFM there); a cluster's own
# by -DMPI_HOME=... . Open MPI 4 and 5 are both libmpi.so.40, so the RPATH must name the one that was linked.
if(NOT MPI_HOME AND EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/mpicxx)
  set(MPI_HOME ${PROJECT_SOURCE_DIR}/.venv)
endif()
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI REQUIRED COMPONENTS CXX)

find_package(atoll_Kokkos REQUIRED)  # Kokkos::kokkos, from 3.4 to 5
find_package(dnnl REQUIRED)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
