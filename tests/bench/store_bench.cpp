// put_variable per second with 8 threads on an embedded PostgreSQL. Arguments: seconds.
#include <cstdlib>
#include <iostream>

#include "tests/support/postgres.hpp"

using namespace gantry;

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  TemporaryDirectory directory;
  const auto cluster = postgres_options(directory.path());
  const auto conninfo = start_embedded_postgres(cluster);
  if (!conninfo) return std::cerr << conninfo.error().detail << "\n", 1;
  StoreOptions options;
  options.database = *conninfo;
  options.key_file = directory.path() + "/key";
  {
    auto store = *open_store(options);
    InstanceId instance;
    (void)write(*store, [&](Transaction& t) -> Result<> {
      auto project = t.create_project(*Name::parse("bench"));
      auto environment = t.create_environment(project->id, *Name::parse("e"));
      auto service = t.create_service(project->id, *Name::parse("s"));
      instance = t.create_instance(service->id, environment->id, {})->id;
      return done();
    });
    std::atomic<long> count = 0;
    std::atomic<bool> over = false;
    std::vector<std::jthread> threads;
    for (int n = 0; n < 8; ++n)
      threads.emplace_back([&, n] {
        const std::string name = "V" + std::to_string(n);
        while (!over)
          if (write(*store,
                    [&](Transaction& t) { return t.put_variable(instance, name, "value", {}); }))
            ++count;
      });
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    over = true;
    threads.clear();
    std::cout << count / seconds << " put_variable/s\n";
  }
  std::system(
      ("su postgres -s /bin/sh -c \"printf '\\\\\\\\set n random(1,8)\\nupdate b set v=v+1 where "
       "id=:n;\\n' > " +
       directory.path() + "/postgres/b.sql; psql -q -h " + directory.path() +
       "/postgres/socket -U gantry gantry -c 'create table b(id int primary key, v int)' -c "
       "'insert into b select g,0 from generate_series(1,8) g'; pgbench -n -M prepared -c 8 -j 2 "
       "-T " +
       std::to_string(seconds) + " -f " + directory.path() + "/postgres/b.sql -h " +
       directory.path() + "/postgres/socket -U gantry gantry | grep tps\"")
          .c_str());
  (void)stop_embedded_postgres(cluster, 20);
}
