# name, gtest filter. Test suites are named after their folder: Proto*, Store*, Edge*, Docker* ...
gantry_suite(proto "Proto*")
gantry_suite(process "Process*")
gantry_suite(probe "Probe*")
gantry_suite(edge "Edge*:*/Edge*")
gantry_suite(simulation "Simulation*:*/Simulation*")
gantry_suite(logs "Logs*")
gantry_suite(sim "Sim*")
gantry_suite(docker "Docker*")
gantry_suite(driver_conformance "*DriverConformance*")
set_tests_properties(docker driver_conformance PROPERTIES RESOURCE_LOCK host)
gantry_suite(api "Api*")
gantry_suite(store "Store*")
gantry_suite(embedded_postgres "EmbeddedPostgres*")
add_test(NAME config_corpus COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/config-corpus ${CMAKE_CURRENT_SOURCE_DIR}/config)
set_tests_properties(config_corpus PROPERTIES
                     ENVIRONMENT "CONFIG_CHECK=$<TARGET_FILE:gantry_config_check>"
                     PASS_REGULAR_EXPRESSION "9 files: 3 read, 3 read with warnings, 3 refused, 0 broken")
