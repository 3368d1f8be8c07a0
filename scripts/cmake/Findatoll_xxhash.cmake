# xxhash::xxhash: Debian's package has a pkg-config file alone, and pkg-config is not everywhere.

find_path(xxhash_include_folder xxhash.h)
find_library(xxhash_library xxhash)
mark_as_advanced(xxhash_include_folder xxhash_library)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(atoll_xxhash REQUIRED_VARS xxhash_library xxhash_include_folder
  REASON_FAILURE_MESSAGE "install libxxhash-dev, or add its prefix to CMAKE_PREFIX_PATH")

if(atoll_xxhash_FOUND AND NOT TARGET xxhash::xxhash)
  add_library(xxhash::xxhash UNKNOWN IMPORTED)
  set_target_properties(xxhash::xxhash PROPERTIES
    IMPORTED_LOCATION ${xxhash_library} INTERFACE_INCLUDE_DIRECTORIES ${xxhash_include_folder})
endif()
