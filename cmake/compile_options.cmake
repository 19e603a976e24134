# Kernels use the vectors of g++ and clang.
if(CMAKE_CXX_COMPILER_ID STREQUAL "MSVC"
   OR (CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12))
  message(FATAL_ERROR "fastctc can't be compiled by ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
                      "Use g++ 12 or later, or clang 12 or later; on Windows clang-cl (cmake -T ClangCL).")
endif()

# One interface target that every target of ours links: warnings and sanitizers.
add_library(fastctc_compile_options INTERFACE)

if(MSVC)
  target_compile_options(fastctc_compile_options INTERFACE /W4 /utf-8
                         $<$<BOOL:${FASTCTC_WARNINGS_AS_ERRORS}>:/WX>)
  target_compile_definitions(fastctc_compile_options INTERFACE NOMINMAX _USE_MATH_DEFINES)
else()
  target_compile_options(fastctc_compile_options INTERFACE -Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Wundef
                         $<$<BOOL:${FASTCTC_WARNINGS_AS_ERRORS}>:-Werror>)
endif()

if(FASTCTC_SANITIZE)
  target_compile_options(fastctc_compile_options INTERFACE -fsanitize=${FASTCTC_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(fastctc_compile_options INTERFACE -fsanitize=${FASTCTC_SANITIZE})
endif()
