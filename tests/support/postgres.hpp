// A real PostgreSQL for tests: one private cluster per test binary, started through the daemon's
// own code; a fresh database for each test.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "daemon/embedded_postgres.hpp"
#include "store/open.hpp"

namespace gantry {

// A directory under /tmp that others may pass; removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// User postgres, else nobody.
EmbeddedPostgresOptions postgres_options(const std::string& data_dir);

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override;

  StoreOptions options() const;
  // Both fail the test when they cannot. All that are opened with the lease hold the same one.
  std::unique_ptr<Store> open() const;
  std::unique_ptr<Store> open_without_lease() const;
  pqxx::result sql(const std::string& statement) const;

  // A project with service "web" in "production".
  struct World {
    Project project;
    EnvironmentId environment;
    Service service;
    ServiceInstance instance;
  };
  static World make_world(Store&, const std::string& project = "shop");

  TemporaryDirectory directory_;
  std::string database_;  // conninfo
  mutable std::string first_token_;
};

Name name_of(const std::string&);
// Begins, runs `body(transaction)`, commits; its Result.
template <class F>
auto write(Store& store, F&& body) {
  auto transaction = store.begin({.token_id = "tok_test", .request_id = "req_test"});
  using R = decltype(body(**transaction));
  if (!transaction) return R(transaction.error());
  R result = body(**transaction);
  if (!result) return result;
  if (auto committed = (*transaction)->commit(); !committed) return R(committed.error());
  return result;
}

}  // namespace gantry
