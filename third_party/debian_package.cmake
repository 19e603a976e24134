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
  set(work ${CMAKE_BINARY_DIR}/third_party/apt/${package})
  file(MAKE_DIRECTORY ${work}/lists/partial ${work}/cache/archives/partial ${work}/sources)
  file(WRITE ${work}/status "")
  # _apt, apt's sandbox user, often can't read the build tree; apt then warns, and would drop its rights anyway.
  set(own -o Dir::State::Lists=${work}/lists -o Dir::Cache=${work}/cache -o APT::Sandbox::User=root
          -o Acquire::Retries=2 -o Acquire::Languages=none -o Debug::NoLocking=1)

  _fastctc_apt_download(${package} ${work} found)                                  # lists that are there
  if(NOT found)
    _fastctc_apt_download(${package} ${work} found ${own})                         # the same suites, lists made anew
  endif()
  if(NOT found AND suite)
    _fastctc_next_suite(${suite} ${work}/sources/next.list ${own})
    _fastctc_apt_download(${package} ${work} found ${own} -o Dir::Etc::SourceList=${work}/sources/next.list
                          -o Dir::Etc::SourceParts=-)
  endif()
  if(found)
    execute_process(COMMAND ${FASTCTC_DPKG_DEB} -x ${found} ${tree} RESULT_VARIABLE code ERROR_VARIABLE text)
    if(NOT code EQUAL 0)
      message(STATUS "fastctc: dpkg-deb could not unpack ${found}: ${text}")
    endif()
  endif()
endfunction()

# Downloads the package with the options given; `out` becomes the .deb's path, or empty.
function(_fastctc_apt_download package work out)
  set(${out} "" PARENT_SCOPE)
  if(ARGN)
    execute_process(COMMAND ${FASTCTC_APT_GET} -qq ${ARGN} update WORKING_DIRECTORY ${work}
                    OUTPUT_QUIET ERROR_QUIET TIMEOUT 300)
  endif()
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
