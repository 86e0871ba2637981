# The program gantry, its completions and its man page.
include(GNUInstallDirs)
add_executable(gantry cli/main.cpp)
target_link_libraries(gantry PRIVATE gantry_cli)
install(TARGETS gantry RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/gantry.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

foreach(shell bash zsh fish)
  add_custom_command(TARGET gantry POST_BUILD
    COMMAND $<TARGET_FILE:gantry> completion ${shell} > ${CMAKE_BINARY_DIR}/gantry.${shell})
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/gantry.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME gantry)
install(FILES ${CMAKE_BINARY_DIR}/gantry.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _gantry)
install(FILES ${CMAKE_BINARY_DIR}/gantry.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
        RENAME gantry.fish)
