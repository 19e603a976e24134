# Where things go below the prefix; of a wheel that is the package's own directory, the same on every system.
if(SKBUILD)
  set(CMAKE_INSTALL_LIBDIR lib CACHE PATH "" FORCE)
  set(CMAKE_INSTALL_INCLUDEDIR include CACHE PATH "" FORCE)
endif()
include(GNUInstallDirs)
