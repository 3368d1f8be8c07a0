# The functions that declare tests. Each makes one executable, test_NAME, and one CTest, NAME/<case>, per Catch2 case.
#
#   atoll_unit_test(NAME SOURCES a_test.cpp ... LINKS atoll_m ...)
#   atoll_kokkos_test(NAME ...)   the same; Kokkos is initialized around the cases. Label gpu where they run on one
#   atoll_mpi_test(NAME ...)      the same; TEST_CASE("...", "[mpi][np4]") runs as an MPI job of 4 ranks
#
# All take [TIMEOUT seconds] (60) for each case, SERIAL for cases that measure time: they run alone, and GPU for cases that
# want one whatever Kokkos runs on: their label is gpu.

find_package(Catch2 REQUIRED)

add_library(atoll_test_options INTERFACE)
target_link_libraries(atoll_test_options INTERFACE atoll_options Catch2::Catch2)
target_include_directories(atoll_test_options INTERFACE ${PROJECT_SOURCE_DIR}/tests)

# What is linked with a Kokkos of CUDA does not start without the driver's library. Where there is none (login nodes) tests
# get the toolkit's stub of it, with which CUDA finds no GPU, and they are skipped.
set(atoll_test_driver "")  # for the property ENVIRONMENT_MODIFICATION
if(Kokkos_ENABLE_CUDA)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_PRELOAD=libcuda.so.1 sh -c : ERROR_VARIABLE driver_is_missing)
  if(driver_is_missing)
    set(stub ${PROJECT_BINARY_DIR}/driver_stub)
    file(MAKE_DIRECTORY ${stub})
    file(CREATE_LINK ${CUDAToolkit_LIBRARY_DIR}/stubs/libcuda.so ${stub}/libcuda.so.1 SYMBOLIC)
    set(atoll_test_driver LD_LIBRARY_PATH=path_list_append:${stub})
  endif()
endif()

function(atoll_unit_test name)
  atoll_test_executable(unit ${name} ${ARGN})
endfunction()

function(atoll_kokkos_test name)
  atoll_test_executable(kokkos ${name} ${ARGN})
endfunction()

function(atoll_mpi_test name)
  atoll_test_executable(mpi ${name} ${ARGN})
endfunction()

# `main` is the main of tests/support that the test is linked with: unit, kokkos or mpi.
function(atoll_test_executable main name)
  cmake_parse_arguments(arg "SERIAL;GPU" "TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    math(EXPR arg_TIMEOUT "10 * ${arg_TIMEOUT}")
  endif()
  if(Catch2_VERSION VERSION_LESS 3)
    set(list_names --list-test-names-only)
  else()
    set(list_names "--list-tests;--verbosity;quiet")
  endif()

  set(labels ${main})
  if(arg_GPU OR (main STREQUAL "kokkos" AND atoll_on_device))
    set(labels gpu)
  endif()

  add_executable(test_${name} ${arg_SOURCES} $<TARGET_OBJECTS:atoll_test_${main}_main>)
  target_link_libraries(test_${name} PRIVATE ${arg_LINKS} atoll_test_${main}_main)

  # The cases are known once the executable is linked; CTest reads them from `tests_file`.
  set(tests_file ${CMAKE_CURRENT_BINARY_DIR}/test_${name}_cases.cmake)
  set(discover ${PROJECT_SOURCE_DIR}/scripts/cmake/discover_tests.cmake)
  set(include_file ${CMAKE_CURRENT_BINARY_DIR}/test_${name}_include.cmake)
  add_custom_command(TARGET test_${name} POST_BUILD BYPRODUCTS ${tests_file} VERBATIM
    COMMAND ${CMAKE_COMMAND}
      -D EXECUTABLE=$<TARGET_FILE:test_${name}> -D NAME=${name} -D MAIN=${main} -D LABELS=${labels} -D "LIST_NAMES=${list_names}"
      -D TESTS_FILE=${tests_file} -D WORK_FOLDER=${CMAKE_CURRENT_BINARY_DIR}/work/${name}
      -D MPIEXEC=${MPIEXEC_EXECUTABLE} -D MPIRUN_SH=${PROJECT_SOURCE_DIR}/scripts/mpirun.sh -D TIMEOUT=${arg_TIMEOUT} -D SERIAL=${arg_SERIAL}
      -D DRIVER=${atoll_test_driver}
      -P ${discover})
  set_property(TARGET test_${name} APPEND PROPERTY LINK_DEPENDS ${discover})
  file(WRITE ${include_file}
    "if(EXISTS \"${tests_file}\")\n  include(\"${tests_file}\")\n"
    "else()\n  add_test(${name}/not_built test_${name})\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include_file})
endfunction()
