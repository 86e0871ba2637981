# name, gtest filter. Test suites are named after their folder: Proto*, Store*, Edge*, Docker* ...
gantry_suite(proto "Proto*")
gantry_suite(logs "Logs*")
gantry_suite(sim "Sim*")
gantry_suite(docker "Docker*")
gantry_suite(driver_conformance "*DriverConformance*")
set_tests_properties(docker driver_conformance PROPERTIES RESOURCE_LOCK host)
