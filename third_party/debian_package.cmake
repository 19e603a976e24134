# fastctc_debian_package(PACKAGE SUITE TREE): unpacks a Debian package into TREE without installing it.
#
# First the suites that this machine has configured; then, where SUITE is given, that suite of the same mirrors,
# with lists, state and cache of our own in the build tree, so that the system's are not changed. Does nothing
# where there is no apt. Signatures are checked with the machine's own keyring.
function(fastctc_debian_package package suite tree)
  find_program(FASTCTC_APT_GET apt-get)
  find_program(FASTCTC_DPKG_DEB dpkg-deb)
  mark_as_advanced(FASTCTC_APT_GET FASTCTC_DPKG_DEB)
  if(NOT FASTCTC_APT_GET OR NOT FASTCTC_DPKG_DEB)
    return()
  endif()
  set(work ${CMAKE_BINARY_DIR}/third_party/apt)  # one for all packages: lists are fetched once
  file(MAKE_DIRECTORY ${work}/lists/partial ${work}/next/partial ${work}/cache/archives/partial ${work}/sources)
  file(WRITE ${work}/status "")
  # _apt, apt's sandbox user, often can't read the build tree; apt then warns, and would drop its rights anyway.
  set(own -o Dir::State::status=${work}/status -o Dir::Cache=${work}/cache -o APT::Sandbox::User=root
          -o Acquire::Retries=2 -o Acquire::Languages=none -o Debug::NoLocking=1)
  set(lists -o Dir::State::Lists=${work}/lists)

  _fastctc_apt_download(${package} ${work} found)                                  # lists that are there
  if(NOT found)
    _fastctc_apt_update(lists ${work} ${own} ${lists})                             # the same suites, lists made anew
    _fastctc_apt_download(${package} ${work} found ${own} ${lists})
  endif()
  if(NOT found AND suite)
    _fastctc_next_suite(${suite} ${work}/sources/next.list ${own} ${lists})
    set(next -o Dir::State::Lists=${work}/next -o Dir::Etc::SourceList=${work}/sources/next.list
             -o Dir::Etc::SourceParts=-)
    _fastctc_apt_update(next ${work} ${own} ${next})
    _fastctc_apt_download(${package} ${work} found ${own} ${next})
  endif()
  if(found)
    execute_process(COMMAND ${FASTCTC_DPKG_DEB} -x ${found} ${tree} RESULT_VARIABLE code ERROR_VARIABLE text)
    if(NOT code EQUAL 0)
      message(STATUS "fastctc: dpkg-deb could not unpack ${found}: ${text}")
    endif()
  endif()
endfunction()

# Fills lists of our own, once per run of CMake.
function(_fastctc_apt_update lists work)
  get_property(done GLOBAL PROPERTY FASTCTC_APT_UPDATED_${lists})
  if(NOT done)
    execute_process(COMMAND ${FASTCTC_APT_GET} -qq ${ARGN} update WORKING_DIRECTORY ${work}
                    OUTPUT_QUIET ERROR_QUIET TIMEOUT 300)
    set_property(GLOBAL PROPERTY FASTCTC_APT_UPDATED_${lists} TRUE)
  endif()
endfunction()

# Downloads the package with the options given; `out` becomes the .deb's path, or empty.
function(_fastctc_apt_download package work out)
  set(${out} "" PARENT_SCOPE)
  execute_process(COMMAND ${FASTCTC_APT_GET} -qq -o APT::Sandbox::User=root ${ARGN} download ${package}
                  WORKING_DIRECTORY ${work} OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE code TIMEOUT 300)
  file(GLOB debs ${work}/${package}_*.deb)
  if(code EQUAL 0 AND debs)
    list(GET debs 0 deb)
    set(${out} ${deb} PARENT_SCOPE)
  endif()
endfunction()

# Writes a source list for `suite` from a Debian archive that this machine already uses. ARGN: options of apt-get
# whose lists are filled.
function(_fastctc_next_suite suite file)
  execute_process(COMMAND ${FASTCTC_APT_GET} ${ARGN} indextargets --format "$(SITE) $(ORIGIN)" "Created-By: Packages"
                  OUTPUT_VARIABLE targets ERROR_QUIET)
  set(keyring /usr/share/keyrings/debian-archive-keyring.gpg)
  set(signed "")
  if(EXISTS ${keyring})
    set(signed "[signed-by=${keyring}] ")
  endif()
  set(text "")
  if(targets MATCHES "([^ \n]+/debian/?) Debian")
    set(text "deb ${signed}${CMAKE_MATCH_1} ${suite} main\n")
  endif()
  file(WRITE ${file} "${text}")
endfunction()
