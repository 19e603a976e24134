# Packs an assembled SPL toolkit, what is on its list and nothing else, into an archive that is named after the toolkit's
# version. The same files give the same archive, by whomever and whenever it is made. The target spl_package runs
#   cmake -D toolkit=DIRECTORY -D folder=DIRECTORY -D platform=NAME -P cmake/spl_package.cmake
cmake_policy(VERSION 3.21...3.31)

file(STRINGS "${toolkit}/.fastctc-files" names ENCODING UTF-8)
list(APPEND names .fastctc-files)
list(SORT names)
file(STRINGS "${toolkit}/info.xml" line REGEX "<version>[^<]+</version>" LIMIT_COUNT 1)
if(NOT line MATCHES "<version>[ \t]*([0-9A-Za-z.-]+)[ \t]*</version>")
  message(FATAL_ERROR "${toolkit}/info.xml tells no version: there must be a line <version>N.N.N</version>.")
endif()
set(version ${CMAKE_MATCH_1})

# Not CMake's own tar: that writes who has made the archive, and its files would belong to somebody else elsewhere.
find_program(tar NAMES tar)
execute_process(COMMAND "${tar}" --version OUTPUT_VARIABLE about ERROR_QUIET RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT about MATCHES "GNU tar")
  message(FATAL_ERROR "The archive is made by GNU tar, which isn't there. Install it, or use `fastctc spl FILE.tgz`.")
endif()

cmake_path(GET toolkit FILENAME name)
cmake_path(GET toolkit PARENT_PATH parent)
list(TRANSFORM names PREPEND "${name}/")
list(JOIN names "\n" text)
set(list_file "${parent}/package-files.txt")
file(WRITE "${list_file}" "${text}\n")
set(time 315532800) # 1980: unpackers doubt older times
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(time $ENV{SOURCE_DATE_EPOCH})
endif()
set(archive "${folder}/${name}-${version}-${platform}.tgz")
execute_process(
  COMMAND "${tar}" --create --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@${time} "--file=${archive}.part"
          "--use-compress-program=gzip -n" "--directory=${parent}" "--files-from=${list_file}"
  RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  file(REMOVE "${archive}.part")
  message(FATAL_ERROR "${archive} can't be written: see the message of tar above.")
endif()
file(RENAME "${archive}.part" "${archive}")
message(STATUS "The archive is ${archive}")
