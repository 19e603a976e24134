# What `cmake --install` gives, in components:
#   runtime      the shared library, the program
#   development  headers, the static library, and what find_package and pkg-config read
#   spl          the SPL toolkit, complete (with FASTCTC_BUILD_SPL)
#   python       the Python module, the demo model, the catalogue, the SPL toolkit's sources (of the wheel)
# Everything finds its neighbours from where it stands: the tree may be moved.
include(CMakePackageConfigHelpers)

set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fastctc)
set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(generated ${CMAKE_CURRENT_BINARY_DIR}/install)

install(TARGETS fastctc EXPORT fastctcTargets
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY cpp/include/fastctc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h")
install(FILES $<TARGET_PROPERTY:fastctc,BINARY_DIR>/include/fastctc/version.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastctc COMPONENT development)

install(EXPORT fastctcTargets NAMESPACE fastctc:: DESTINATION ${cmake_folder} COMPONENT development)
configure_package_config_file(cmake/fastctcConfig.cmake.in ${generated}/fastctcConfig.cmake
  INSTALL_DESTINATION ${cmake_folder} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${generated}/fastctcConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${generated}/fastctcConfig.cmake ${generated}/fastctcConfigVersion.cmake
  DESTINATION ${cmake_folder} COMPONENT development)

file(RELATIVE_PATH FASTCTC_PC_INCLUDEDIR /${pkgconfig_folder} /${CMAKE_INSTALL_INCLUDEDIR})
file(RELATIVE_PATH FASTCTC_PC_LIBDIR /${pkgconfig_folder} /${CMAKE_INSTALL_LIBDIR})
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR must be relative to the prefix: "
                      "the installed tree finds its parts from where it stands.")
endif()
set(FASTCTC_PC_CFLAGS "")
set(FASTCTC_PC_LIBS "")
if(NOT BUILD_SHARED_LIBS)
  # A C compiler links a static library of C++ with these.
  set(FASTCTC_PC_CFLAGS " -DFASTCTC_STATIC")
  set(FASTCTC_PC_LIBS " $<IF:$<PLATFORM_ID:Darwin>,-lc++,-lstdc++> -lm -lz -pthread $<$<PLATFORM_ID:Linux>:-ldl>")
endif()
configure_file(cmake/fastctc.pc.in ${generated}/fastctc.pc.in @ONLY)
file(GENERATE OUTPUT ${generated}/fastctc.pc INPUT ${generated}/fastctc.pc.in)
install(FILES ${generated}/fastctc.pc DESTINATION ${pkgconfig_folder} COMPONENT development)

if(FASTCTC_BUILD_PROGRAM)
  install(TARGETS fastctc-transcribe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
if(SKBUILD)
  install(DIRECTORY models/digits DESTINATION demo_model COMPONENT python)
  install(FILES models/catalog.json DESTINATION . COMPONENT python)
endif()

# `inputs` is a file that says what the toolkit is made of.
function(install_spl_toolkit inputs folder component)
  install(CODE "
    cmake_policy(PUSH)
    cmake_policy(VERSION 3.21)
    include([[${PROJECT_SOURCE_DIR}/cmake/spl_assemble.cmake]])
    spl_install([[${folder}]] [[${inputs}]])
    cmake_policy(POP)" COMPONENT ${component})
endfunction()
set(spl_name com.teracloud.streamsx.stt)
if(TARGET spl_toolkit)
  install_spl_toolkit(${FASTCTC_SPL_INPUTS} ${CMAKE_INSTALL_DATADIR}/fastctc/spl/${spl_name} spl)
endif()
if(SKBUILD AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  file(WRITE ${generated}/spl-sources.cmake "\
set(spl_source [[${CMAKE_CURRENT_SOURCE_DIR}/spl/${spl_name}]])
set(spl_licence [[${CMAKE_CURRENT_SOURCE_DIR}/LICENSE]])
")
  install_spl_toolkit(${generated}/spl-sources.cmake spl/${spl_name} python)
endif()
