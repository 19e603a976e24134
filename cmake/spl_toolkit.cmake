# `cmake --build BUILD --target spl_toolkit` assembles the SPL toolkit in BUILD/spl: the sources of spl/, the headers
# under impl/include, and under impl/lib the libraries, where the SPL compiler finds them for its run path and its bundle.
# The target spl_package makes an archive of it. Neither is built unless it is asked for.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(WARNING "FASTCTC_BUILD_SPL is ignored: the SPL toolkit is for Linux, where Streams runs.")
  return()
endif()
set(FASTCTC_SPL_ONNXRUNTIME "" CACHE FILEPATH
    "ONNX Runtime's library for the SPL toolkit; empty: the system's libonnxruntime.so.1")
if(NOT BUILD_SHARED_LIBS)
  message(FATAL_ERROR "FASTCTC_BUILD_SPL needs the shared library: configure with -DBUILD_SHARED_LIBS=ON.")
endif()
if(FASTCTC_SPL_ONNXRUNTIME)
  set(spl_onnxruntime ${FASTCTC_SPL_ONNXRUNTIME})
else()
  find_library(FASTCTC_SPL_SYSTEM_ONNXRUNTIME NAMES libonnxruntime.so.1)
  set(spl_onnxruntime ${FASTCTC_SPL_SYSTEM_ONNXRUNTIME})
endif()
if(NOT EXISTS "${spl_onnxruntime}")
  message(FATAL_ERROR "The SPL toolkit ships ONNX Runtime's library, and there is none at '${spl_onnxruntime}'. Give "
                      "its file: -DFASTCTC_SPL_ONNXRUNTIME=.../libonnxruntime.so.1 (the wheel onnxruntime has one in "
                      "onnxruntime/capi).")
endif()

# What cmake/spl_assemble.cmake puts together, also for install.cmake.
set(FASTCTC_SPL_INPUTS ${CMAKE_CURRENT_BINARY_DIR}/spl/inputs-$<CONFIG>.cmake)
file(GENERATE OUTPUT ${FASTCTC_SPL_INPUTS} CONTENT "\
set(spl_source [[${CMAKE_CURRENT_SOURCE_DIR}/spl/com.teracloud.streamsx.stt]])
set(spl_licence [[${CMAKE_CURRENT_SOURCE_DIR}/LICENSE]])
set(spl_headers [[${CMAKE_CURRENT_SOURCE_DIR}/cpp/include/fastctc]])
set(spl_version_header [[$<TARGET_PROPERTY:fastctc,BINARY_DIR>/include/fastctc/version.h]])
set(spl_library [[$<TARGET_FILE:fastctc>]])
set(spl_library_names [[$<TARGET_SONAME_FILE_NAME:fastctc>]] [[$<TARGET_LINKER_FILE_NAME:fastctc>]])
set(spl_onnxruntime [[${spl_onnxruntime}]])
")

set(spl_toolkit ${CMAKE_CURRENT_BINARY_DIR}/spl/com.teracloud.streamsx.stt)
add_custom_target(spl_toolkit
  COMMAND ${CMAKE_COMMAND} -D inputs=${FASTCTC_SPL_INPUTS} -D destination=${spl_toolkit} -D adopt=ON
          -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/spl_assemble.cmake
  COMMENT "Assembling the SPL toolkit in ${spl_toolkit}"
  VERBATIM)
add_custom_target(spl_package
  COMMAND ${CMAKE_COMMAND} -D toolkit=${spl_toolkit} -D folder=${CMAKE_CURRENT_BINARY_DIR}
          -D platform=${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}
          -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/spl_package.cmake
  COMMENT "Packing the SPL toolkit"
  VERBATIM)
add_dependencies(spl_toolkit fastctc)
add_dependencies(spl_package spl_toolkit)
