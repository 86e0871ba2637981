# name, gtest filter. Test suites are named after their folder: Proto*, Store*, Edge*, Docker* ...
gantry_suite(proto "Proto*")
gantry_suite(process "Process*")
gantry_suite(probe "Probe*")
gantry_suite(edge "Edge*:*/Edge*")
gantry_suite(simulation "Simulation*:*/Simulation*")
