# install.cmake - what `cmake --install` puts where. Build the target `packaged` before.

include(GNUInstallDirs)
set(PACKAGED ${CMAKE_BINARY_DIR}/packaged)
set(PACKAGED_TOOLS backup restore import-aof migrate-from-redis migrate-to-redis table-load table-dump table-import-redistable
                   tessera-top)

# The version has one place, project() in CMakeLists.txt: the packages' changelog is held to it.
file(STRINGS debian/changelog changelog LIMIT_COUNT 1)
if(NOT changelog MATCHES "^tessera \\(${PROJECT_VERSION}\\) ")
  message(FATAL_ERROR "debian/changelog begins with another version than ${PROJECT_VERSION}: ${changelog}")
endif()

add_custom_target(packaged
                  COMMAND ${CMAKE_SOURCE_DIR}/packaging/generate ${CMAKE_BINARY_DIR} ${PACKAGED}
                  DEPENDS tessera-server tessera-check-rdb tessera-check-log VERBATIM)

install(TARGETS tessera-server tessera-check-rdb tessera-check-log)
install(FILES ${PACKAGED}/tessera.conf DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/tessera)
install(DIRECTORY ${PACKAGED}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(DIRECTORY ${PACKAGED}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 FILES_MATCHING PATTERN "*.5")
install(DIRECTORY ${PACKAGED}/completions/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

# The tools in Python stand with their modules; what is in bin are links. tools/restore looks for check-log beside itself.
set(TOOLS_FOLDER ${CMAKE_INSTALL_DATADIR}/tessera/tools)
install(DIRECTORY tools/migration tools/table_files tools/top DESTINATION ${TOOLS_FOLDER} FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)
install(CODE "
  function(link_to target link)
    get_filename_component(folder \"\${link}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${folder}\")
    file(REMOVE \"\${link}\")
    file(CREATE_LINK \"\${target}\" \"\${link}\" SYMBOLIC)
  endfunction()
  set(prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  link_to(../../../bin/tessera-check-log \"\${prefix}/${TOOLS_FOLDER}/check-log\")
  foreach(tool ${PACKAGED_TOOLS})
    string(REGEX REPLACE \"^tessera-\" \"\" name \${tool})
    link_to(../${TOOLS_FOLDER}/\${tool} \"\${prefix}/${CMAKE_INSTALL_BINDIR}/tessera-\${name}\")
  endforeach()")
list(TRANSFORM PACKAGED_TOOLS PREPEND tools/ OUTPUT_VARIABLE tool_files)
install(PROGRAMS ${tool_files} DESTINATION ${TOOLS_FOLDER})
