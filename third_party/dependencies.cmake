# Headers that the build needs. Each is looked for in this order: what the caller names
# (-DFASTCTC_<NAME>_INCLUDE_DIR=...), what is installed, the system's package manager (Debian packages, unpacked
# into the build tree), the official release archive by SHA-256. Versions and licences: third_party/README.md.
include(third_party/find_headers.cmake)

fastctc_find_headers(onnxruntime HEADER onnxruntime_cxx_api.h TARGET onnxruntime::onnxruntime
  PATH_SUFFIXES onnxruntime onnxruntime/core/session
  DEBIAN_PACKAGE libonnxruntime-dev DEBIAN_SUITE trixie
  URL https://github.com/microsoft/onnxruntime/releases/download/v1.16.3/onnxruntime-linux-x64-1.16.3.tgz
  SHA256 b072f989d6315ac0e22dcb4771b083c5156d974a3496ac3504c77f4062eb248e)

# The oldest API that cpp/src/acoustic/engine/ort.h asks for.
file(STRINGS ${FASTCTC_FOUND_ONNXRUNTIME_HEADERS}/onnxruntime_c_api.h line REGEX "^#define ORT_API_VERSION [0-9]+")
string(REGEX MATCH "[0-9]+" version "${line}")
if(NOT version OR version LESS 16)
  message(FATAL_ERROR "The ONNX Runtime headers in ${FASTCTC_FOUND_ONNXRUNTIME_HEADERS} are of 1.${version}; fastctc needs "
                      "1.16 or newer. Name a directory of newer ones: -DFASTCTC_ONNXRUNTIME_INCLUDE_DIR=DIR.")
endif()

fastctc_find_headers(json HEADER nlohmann/json.hpp TARGET nlohmann_json::nlohmann_json
  DEBIAN_PACKAGE nlohmann-json3-dev
  URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
  SHA256 d6c65aca6b1ed68e7a182f4757257b107ae403032760ed6ef121c9d55e81757d)

fastctc_find_headers(xxhash HEADER xxhash.h TARGET xxHash::xxhash
  DEBIAN_PACKAGE libxxhash-dev
  URL https://github.com/Cyan4973/xxHash/archive/refs/tags/v0.8.2.tar.gz
  SHA256 baee0c6afd4f03165de7a4e67988d16f0f2b257b51d0e3cb91909302a26a79c4)

# zlib is linked. Where its development files are not installed, the library is (the system's own tools need it) and its
# headers are fetched like the others.
if(NOT FASTCTC_ZLIB)
  find_package(ZLIB 1.2.6 QUIET)
endif()
if(ZLIB_FOUND)
  message(STATUS "fastctc: zlib ${ZLIB_VERSION} (installed)")
  add_library(fastctc_zlib_headers INTERFACE)
  set(FASTCTC_ZLIB ZLIB::ZLIB)
else()
  fastctc_find_headers(zlib HEADER zlib.h
    DEBIAN_PACKAGE zlib1g-dev
    URL https://github.com/madler/zlib/releases/download/v1.3.1/zlib-1.3.1.tar.gz
    SHA256 9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23)
  find_library(FASTCTC_ZLIB NAMES z libz.so.1 zlib)
  if(NOT FASTCTC_ZLIB)
    message(FATAL_ERROR "zlib was not found. Install it (Debian: apt install zlib1g-dev), or name it: "
                        "-DFASTCTC_ZLIB=LIBRARY (pip: -C cmake.define.FASTCTC_ZLIB=LIBRARY).")
  endif()
endif()

if(FASTCTC_BUILD_TESTS)
  fastctc_find_headers(doctest HEADER doctest/doctest.h TARGET doctest::doctest
    DEBIAN_PACKAGE doctest-dev
    URL https://github.com/doctest/doctest/archive/refs/tags/v2.4.11.tar.gz
    SHA256 632ed2c05a7f53fa961381497bf8069093f0d6628c5f26286161fbd32a560186)
endif()
