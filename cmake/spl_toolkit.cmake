# `cmake --build BUILD --target spl_toolkit` assembles the SPL toolkit in BUILD/spl: the sources of spl/, the headers
# under impl/include, and under impl/lib the libraries, where the SPL compiler finds them for its run path and its bundle.
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

set(spl_name com.teracloud.streamsx.stt)
set(spl_source ${CMAKE_CURRENT_SOURCE_DIR}/spl/${spl_name})
set(spl_toolkit ${CMAKE_CURRENT_BINARY_DIR}/spl/${spl_name})
set(spl_libraries ${spl_toolkit}/impl/lib)
# Files, no links: a bundle holds none.
add_custom_target(spl_toolkit ALL
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${spl_toolkit}
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${spl_source} ${spl_toolkit}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${spl_libraries}
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:fastctc> ${spl_libraries}/$<TARGET_SONAME_FILE_NAME:fastctc>
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:fastctc> ${spl_libraries}/$<TARGET_LINKER_FILE_NAME:fastctc>
  COMMAND ${CMAKE_COMMAND} -E copy ${spl_onnxruntime} ${spl_libraries}/libonnxruntime.so.1
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_CURRENT_SOURCE_DIR}/cpp/include/fastctc
          ${spl_toolkit}/impl/include/fastctc
  COMMAND ${CMAKE_COMMAND} -E rm ${spl_toolkit}/impl/include/fastctc/version.h.in
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_PROPERTY:fastctc,BINARY_DIR>/include/fastctc/version.h
          ${spl_toolkit}/impl/include/fastctc/version.h
  DEPENDS fastctc
  COMMENT "Assembling the SPL toolkit in ${spl_toolkit}"
  VERBATIM)
