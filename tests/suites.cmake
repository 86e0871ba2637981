# name, gtest filter. Test suites are named after their folder: Proto*, Store*, Edge*, Docker* ...
gantry_suite(proto "Proto*")
gantry_suite(api "Api*")
gantry_suite(store "Store*")
gantry_suite(embedded_postgres "EmbeddedPostgres*")
