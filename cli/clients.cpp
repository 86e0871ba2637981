#include "cli/clients.hpp"

#include <algorithm>

namespace gantry::cli {
namespace {

const Database kDatabases[] = {
    {"postgres",
     5432,
     {"psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_isready", "createdb", "dropdb", "vacuumdb",
      "reindexdb", "pgbench"}},
    {"mysql", 3306, {"mysql", "mysqldump", "mysqladmin", "mysqlcheck", "mysqlimport"}},
    {"mariadb", 3306, {"mariadb", "mariadb-dump", "mariadb-admin", "mysql", "mysqldump"}},
    {"redis", 6379, {"redis-cli", "redis-benchmark"}},
    {"valkey", 6379, {"valkey-cli", "redis-cli", "valkey-benchmark"}},
    {"mongo", 27017, {"mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport"}},
};

// Images whose name is not their database's.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"postgis", "postgres"}, {"timescaledb", "postgres"}, {"pgvector", "postgres"},
    {"mongodb", "mongo"},    {"keydb", "redis"},          {"percona", "mysql"}};

const Database* database(std::string_view kind) {
  for (const Database& each : kDatabases)
    if (each.kind == kind) return &each;
  return nullptr;
}

std::string value_of(const Values& values, std::initializer_list<const char*> names,
                     const std::string& otherwise) {
  for (const char* name : names)
    if (const auto found = values.find(name); found != values.end() && !found->second.empty())
      return found->second;
  return otherwise;
}

struct Login {
  std::string user, password, database;
};

Login login_of(const Database& kind, const Values& values) {
  if (kind.kind == "postgres") {
    const std::string user = value_of(values, {"PGUSER", "POSTGRES_USER"}, "postgres");
    return {user, value_of(values, {"PGPASSWORD", "POSTGRES_PASSWORD"}, ""),
            value_of(values, {"PGDATABASE", "POSTGRES_DB"}, user)};
  }
  if (kind.kind == "mysql" || kind.kind == "mariadb")
    return {value_of(values, {"MYSQLUSER"}, "root"),
            value_of(values, {"MYSQLPASSWORD", "MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"}, ""),
            value_of(values, {"MYSQLDATABASE", "MYSQL_DATABASE", "MARIADB_DATABASE"}, "")};
  if (kind.kind == "mongo")
    return {value_of(values, {"MONGOUSER", "MONGO_INITDB_ROOT_USERNAME"}, ""),
            value_of(values, {"MONGOPASSWORD", "MONGO_INITDB_ROOT_PASSWORD"}, ""), ""};
  return {"", value_of(values, {"REDISPASSWORD", "REDIS_PASSWORD"}, ""), ""};
}

// $0 and what follows: the program and its arguments.
constexpr const char* kMysqlScript =
    "MYSQL_PWD=\"${MYSQLPASSWORD:-${MYSQL_ROOT_PASSWORD:-$MARIADB_ROOT_PASSWORD}}\" exec \"$0\" "
    "\"$@\"";
constexpr const char* kRedisScript =
    "p=\"${REDISPASSWORD:-$REDIS_PASSWORD}\"; [ -z \"$p\" ] || export REDISCLI_AUTH=\"$p\"; exec "
    "\"$0\" \"$@\"";
constexpr const char* kMongoScript =
    "u=\"${MONGOUSER:-$MONGO_INITDB_ROOT_USERNAME}\"; [ -n \"$u\" ] || exec \"$0\" \"$@\"; "
    "p=\"$0\"; exec \"$p\" --username \"$u\" --password "
    "\"${MONGOPASSWORD:-$MONGO_INITDB_ROOT_PASSWORD}\" \"$@\"";

}  // namespace

const Database* database_of_image(std::string_view image) {
  image = image.substr(0, image.find('@'));
  std::string_view name = image.substr(image.rfind('/') + 1);
  name = name.substr(0, name.find(':'));
  for (const auto& [other, kind] : kOtherNames)
    if (name.starts_with(other)) return database(kind);
  for (const Database& each : kDatabases)
    if (name == each.kind || name.starts_with(each.kind + "-")) return &each;
  return nullptr;
}

const Database* database_of_program(std::string_view program) {
  for (const Database& each : kDatabases)
    if (std::find(each.programs.begin(), each.programs.end(), program) != each.programs.end())
      return &each;
  return nullptr;
}

std::optional<ClientCall> local_client(const Database& kind, const Values& of_service,
                                       int local_port) {
  const Login login = login_of(kind, of_service);
  const std::string& client = kind.programs.front();
  const std::string port = std::to_string(local_port);
  if (kind.kind == "postgres")
    return ClientCall{{client},
                      {{"PGHOST", "127.0.0.1"},
                       {"PGPORT", port},
                       {"PGUSER", login.user},
                       {"PGPASSWORD", login.password},
                       {"PGDATABASE", login.database}}};
  if (kind.kind == "mysql" || kind.kind == "mariadb") {
    ClientCall call{
        {client, "--protocol=tcp", "--host=127.0.0.1", "--port=" + port, "--user=" + login.user},
        {{"MYSQL_PWD", login.password}}};
    if (!login.database.empty()) call.argv.push_back("--database=" + login.database);
    return call;
  }
  if (kind.kind == "redis" || kind.kind == "valkey") {
    ClientCall call{{client, "-h", "127.0.0.1", "-p", port}};
    if (!login.password.empty()) call.variables = {{"REDISCLI_AUTH", login.password}};
    return call;
  }
  if (login.password.empty()) return ClientCall{{client, "mongodb://127.0.0.1:" + port + "/"}};
  return std::nullopt;
}

std::vector<std::string> inner_call(const Database& kind, const Values& of_service,
                                    std::vector<std::string> argv) {
  std::vector<std::string> call;
  if (kind.kind == "postgres") {
    const Login login = login_of(kind, of_service);
    for (const auto& [name, value] : Values{{"PGUSER", login.user}, {"PGDATABASE", login.database}})
      if (!of_service.contains(name)) call.push_back(name + "=" + value);
    if (!call.empty()) call.insert(call.begin(), "env");
  } else {
    // The password is in a variable of the service by another name than the program looks for: only
    // a shell in the container can hand it on. Constant words, nothing of anybody's is put in.
    const char* script = kRedisScript;
    if (kind.kind == "mysql" || kind.kind == "mariadb") script = kMysqlScript;
    if (kind.kind == "mongo") script = kMongoScript;
    call = {"/bin/sh", "-c", script};
  }
  call.insert(call.end(), argv.begin(), argv.end());
  return call;
}

}  // namespace gantry::cli
