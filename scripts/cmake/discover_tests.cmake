# Run after a test is linked: writes TESTS_FILE, one add_test per case, from the executable's own list of cases.
#
# An MPI case is tagged with its rank count, [np1] to [np8], which CTest then takes as its number of processors.

# What has a meaning in CMake's lists, while names are in one.
string(ASCII 1 open)
string(ASCII 2 close)
string(ASCII 3 semicolon)
string(ASCII 4 backslash)

# Like the property ENVIRONMENT_MODIFICATION, which DRIVER is for, where it is set (atoll_tests.cmake).
set(start "")
if(DRIVER)
  set(start ${CMAKE_COMMAND} -E env --modify ${DRIVER})
endif()

# Sets `cases` to the names that `spec` selects, encoded. Catch2 2 ends with their number, so its exit code says little.
function(list_cases spec)
  execute_process(COMMAND ${start} ${EXECUTABLE} ${LIST_NAMES} ${spec}
    OUTPUT_VARIABLE cases ERROR_VARIABLE errors RESULT_VARIABLE result)
  if(NOT result MATCHES "^[01]$" OR errors)
    message(FATAL_ERROR "${EXECUTABLE} does not list its cases (${result}):\n${errors}${cases}")
  endif()
  string(REPLACE "\\" "${backslash}" cases "${cases}")
  string(REPLACE ";" "${semicolon}" cases "${cases}")
  string(REPLACE "[" "${open}" cases "${cases}")
  string(REPLACE "]" "${close}" cases "${cases}")
  string(STRIP "${cases}" cases)
  string(REGEX REPLACE "[ \n]*\n[ \n]*" ";" cases "${cases}")
  set(cases "${cases}" PARENT_SCOPE)
endfunction()

function(decode variable)
  string(REPLACE "${backslash}" "\\" text "${${variable}}")
  string(REPLACE "${semicolon}" ";" text "${text}")
  string(REPLACE "${open}" "[" text "${text}")
  string(REPLACE "${close}" "]" text "${text}")
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# Appends one test for every case of `cases`.
set(tests "")
function(add_cases launch properties)
  foreach(case IN LISTS cases)
    string(REGEX REPLACE "[^A-Za-z0-9]+" "_" folder "${case}")
    file(MAKE_DIRECTORY ${WORK_FOLDER}/${folder})
    decode(case)
    string(REGEX REPLACE "([][,\"\\\\])" "\\\\\\1" selected "${case}")  # Catch2 reads a name as a pattern
    string(APPEND tests
      "add_test([==[${NAME}/${case}]==] ${launch} \"${EXECUTABLE}\" [==[${selected}]==])\n"
      "set_tests_properties([==[${NAME}/${case}]==] PROPERTIES\n"
      "  WORKING_DIRECTORY \"${WORK_FOLDER}/${folder}\" RUN_SERIAL ${SERIAL} SKIP_REGULAR_EXPRESSION \"SKIPPED: \"
  ENVIRONMENT_MODIFICATION \"${DRIVER}\" ${properties})\n")
  endforeach()
  set(tests "${tests}" PARENT_SCOPE)
endfunction()

if(MAIN STREQUAL "mpi")
  set(untagged "")
  foreach(ranks RANGE 1 8)
    list_cases("[np${ranks}]")
    # mpirun ends its ranks when the time is up; CTest, the last resort, would end mpirun alone.
    # Open MPI leaves memory behind when it ends, which the address sanitizer would call our leak.
    math(EXPR last_resort "${TIMEOUT} + 10")
    add_cases("\"${MPIRUN_SH}\" --timeout ${TIMEOUT} -n ${ranks}"
      "LABELS ${LABELS} TIMEOUT ${last_resort} PROCESSORS ${ranks}
  ENVIRONMENT \"ATOLL_MPIRUN=${MPIEXEC};ASAN_OPTIONS=detect_leaks=0\"")
    string(APPEND untagged "~[np${ranks}]")
  endforeach()
  list_cases("${untagged}")
  if(NOT cases STREQUAL "")
    message(FATAL_ERROR "test_${NAME}: no rank count, [np1] to [np8], on: ${cases}")
  endif()
else()
  list_cases("*")
  add_cases("" "LABELS ${LABELS} TIMEOUT ${TIMEOUT} ENVIRONMENT OMP_NUM_THREADS=1")
endif()

if(tests STREQUAL "")
  message(FATAL_ERROR "test_${NAME} has no cases")
endif()
file(WRITE ${TESTS_FILE} "${tests}")
