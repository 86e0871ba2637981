# Targets for people: format (in place), format-check, tidy (the house rules), lint (clang-tidy, minutes).
file(GLOB_RECURSE formatted RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
     proto/*.?pp detect/*.?pp runtime/*.?pp store/*.?pp scheduler/*.?pp api/*.?pp daemon/*.?pp cli/*.?pp tests/*.?pp)
add_custom_target(format COMMAND clang-format -i ${formatted} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
add_custom_target(format-check COMMAND clang-format --dry-run --Werror ${formatted}
                  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
add_custom_target(tidy COMMAND ${CMAKE_SOURCE_DIR}/tests/tidy/run USES_TERMINAL VERBATIM)
add_custom_target(lint COMMAND ${CMAKE_COMMAND} -E env GANTRY_BUILD=${CMAKE_BINARY_DIR}
                  ${CMAKE_SOURCE_DIR}/tests/tidy/lint USES_TERMINAL VERBATIM)
