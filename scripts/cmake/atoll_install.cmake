# cmake --install: the program, which finds its libraries where they were found at build time, and what its users
# want beside it: decks, job scripts, the deck reference, modulefiles for Lmod and Environment Modules, completion
# for bash.

include(GNUInstallDirs)

# The folders of all libraries that the program was linked with, the MPI's first: also where it lies in this source
# tree, which CMake would leave out.
list(GET MPI_CXX_LIBRARIES 0 mpi_library)
cmake_path(GET mpi_library PARENT_PATH mpi_library_folder)
set_target_properties(atoll PROPERTIES INSTALL_RPATH ${mpi_library_folder} INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS atoll)

set(share ${CMAKE_INSTALL_DATADIR}/atoll)
install(DIRECTORY inputs DESTINATION ${share})
install(DIRECTORY scripts/slurm DESTINATION ${share} USE_SOURCE_PERMISSIONS)
foreach(page README.md docs/deck.md docs/simulate.md src/DECISIONS.md src/checkpoint/FORMAT.md src/protocol/PROTOCOL.md)
  cmake_path(GET page PARENT_PATH folder)  # kept, so that links from page to page lead somewhere
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()

# Modulefiles name the prefix, which is known when installing.
set(templates ${PROJECT_SOURCE_DIR}/scripts/cmake)
set(completions ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(CODE "
  set(version ${PROJECT_VERSION})
  set(bin ${CMAKE_INSTALL_BINDIR})
  set(share \${CMAKE_INSTALL_PREFIX}/${share})
  configure_file(${templates}/modulefile.lua.in \$ENV{DESTDIR}\${share}/modulefiles/atoll/${PROJECT_VERSION}.lua @ONLY)
  configure_file(${templates}/modulefile.tcl.in \$ENV{DESTDIR}\${share}/modulefiles/atoll/${PROJECT_VERSION} @ONLY)
  file(MAKE_DIRECTORY \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${completions})
  execute_process(COMMAND $<TARGET_FILE:atoll> completion bash COMMAND_ERROR_IS_FATAL ANY
    OUTPUT_FILE \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${completions}/atoll)
")
