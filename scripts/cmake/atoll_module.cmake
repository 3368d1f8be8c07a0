# Compile settings shared by all our code, and the function that declares a module.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(atoll_options INTERFACE)
target_compile_options(atoll_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wno-missing-field-initializers  # of designated initializers, what is left out has its default
  $<$<BOOL:${ATOLL_WERROR}>:-Werror>
  $<$<BOOL:${ATOLL_NATIVE}>:-march=native>
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=  # messages name src/..., not the folder it was built in
  # errno and floating-point traps are never read here; without these the loops do not vectorize.
  -fno-math-errno -fno-trapping-math)
target_include_directories(atoll_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})

# atoll_module(NAME SOURCES a.cpp ... [LINKS public ...] [PRIVATE_LINKS ...]): the static library atoll_NAME.
function(atoll_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(atoll_${name} STATIC ${arg_SOURCES})
  target_link_libraries(atoll_${name} PUBLIC ${arg_LINKS} PRIVATE atoll_options ${arg_PRIVATE_LINKS})
endfunction()
