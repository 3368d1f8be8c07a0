# sentencepiece::sentencepiece, with what trains tokenizers, and sentencepiece_version, which pkg-config knows.

find_path(sentencepiece_include_folder sentencepiece_trainer.h)
find_library(sentencepiece_library sentencepiece)
find_library(sentencepiece_train_library sentencepiece_train)
mark_as_advanced(sentencepiece_include_folder sentencepiece_library sentencepiece_train_library)

set(sentencepiece_version "of unknown version")
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(sentencepiece_package QUIET sentencepiece)
  if(sentencepiece_package_FOUND)
    set(sentencepiece_version ${sentencepiece_package_VERSION})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(atoll_SentencePiece
  REQUIRED_VARS sentencepiece_library sentencepiece_train_library sentencepiece_include_folder
  REASON_FAILURE_MESSAGE "install libsentencepiece-dev, or build without it: -DATOLL_SENTENCEPIECE=OFF")

if(atoll_SentencePiece_FOUND AND NOT TARGET sentencepiece::sentencepiece)
  add_library(sentencepiece::sentencepiece INTERFACE IMPORTED)
  set_target_properties(sentencepiece::sentencepiece PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${sentencepiece_include_folder}
    INTERFACE_LINK_LIBRARIES "${sentencepiece_train_library};${sentencepiece_library}")
endif()
