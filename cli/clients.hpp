// What people call a database's programs, and which belong to which kind of database. The one place
// where the command line knows databases by name. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::cli {

struct Database {
  std::string kind;                   // "postgres"
  int port = 0;                       // its own, when nobody says another one
  std::vector<std::string> programs;  // that its image brings along; the first one is its client
};

// Of an image such as "postgres:16" or "registry.example.com/team/postgis/postgis:16-3.4".
const Database* database_of_image(std::string_view image);
const Database* database_of_program(std::string_view program);

using Values = std::map<std::string, std::string>;

// How a client is started: argv, and what it finds in its environment; a password is never among
// the arguments.
struct ClientCall {
  std::vector<std::string> argv;
  Values variables = {};
};
// On this machine, through a port of it. Nothing: it has no way to be given a password but as an
// argument.
std::optional<ClientCall> local_client(const Database&, const Values& of_service, int local_port);
// A program of the database's image, run in its own container with its service's variables.
std::vector<std::string> inner_call(const Database&, const Values& of_service,
                                    std::vector<std::string> argv);

}  // namespace gantry::cli
