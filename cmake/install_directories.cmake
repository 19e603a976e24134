# Where things go below the prefix. In a wheel that is the package's own directory: fastctc/include, fastctc/lib.
if(SKBUILD)
  foreach(name BIN LIB INCLUDE)
    string(TOLOWER ${name} folder)
    set(CMAKE_INSTALL_${name}DIR fastctc/${folder} CACHE PATH "" FORCE)
  endforeach()
endif()
include(GNUInstallDirs)
