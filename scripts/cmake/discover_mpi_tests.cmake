# Run after an MPI test is linked: writes TESTS_FILE, one add_test per case, from the executable's own list.
# A case is tagged with its rank count, [np1] to [np8]; CTest then keeps that many processors free for it.

# Sets `cases` to the names that `spec` selects. Catch2 ends with the number of cases, so the exit code says nothing.
function(list_cases spec)
  execute_process(COMMAND ${EXECUTABLE} ${LIST_NAMES} ${spec}
    OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE result)
  if(result LESS 0 OR result GREATER 1 OR errors)
    message(FATAL_ERROR "${EXECUTABLE} does not list its cases (${result}):\n${errors}${output}")
  endif()
  string(REGEX REPLACE "[;\n]+" ";" cases "${output}")
  set(cases "${cases}" PARENT_SCOPE)
endfunction()

set(launch ${MPIEXEC} --mca pml ob1 --mca btl self,sm,tcp --oversubscribe --bind-to none --timeout ${TIMEOUT})
math(EXPR last_resort "${TIMEOUT} + 10")  # mpirun ends its ranks; CTest would only end mpirun
set(environment OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
set(untagged "")
set(tests "")
foreach(ranks RANGE 1 8)
  string(APPEND untagged "~[np${ranks}]")
  list_cases("[np${ranks}]")
  foreach(case IN LISTS cases)
    string(STRIP "${case}" case)
    if(case STREQUAL "")
      continue()
    endif()
    string(REGEX REPLACE "[^A-Za-z0-9]+" "_" folder "${case}")
    set(folder ${WORK_FOLDER}/${folder})
    file(MAKE_DIRECTORY ${folder})
    string(REGEX REPLACE "([][,\\\\])" "\\\\\\1" selected "${case}")  # Catch2 reads a name as a pattern
    string(APPEND tests
      "add_test([==[${NAME}/${case}]==] ${launch} -n ${ranks} \"${EXECUTABLE}\" [==[${selected}]==])\n"
      "set_tests_properties([==[${NAME}/${case}]==] PROPERTIES TIMEOUT ${last_resort} PROCESSORS ${ranks}\n"
      "  RUN_SERIAL ${SERIAL} LABELS mpi WORKING_DIRECTORY \"${folder}\" ENVIRONMENT \"${environment}\")\n")
  endforeach()
endforeach()

list_cases("${untagged}")
if(NOT "${cases}" STREQUAL "")
  message(FATAL_ERROR "test_${NAME}: no rank count, [np1] to [np8], on: ${cases}")
endif()
if(tests STREQUAL "")
  message(FATAL_ERROR "test_${NAME} has no cases")
endif()
file(WRITE ${TESTS_FILE} "${tests}")
