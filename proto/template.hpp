// What a service can be made from with one word: an image with its volume, its variables, and how
// to reach, dump and restore what is in it. Data, read from deploy/templates/*.yaml and from an
// operator's own folder; nothing here knows a database by name. Pure.
//
// Commands are argv and run inside the service's container, with its variables; none is ever put
// together from a caller's text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

// What can be done with the data of a running service. Empty argv: it cannot.
struct DataTools {
  std::vector<std::string> client;      // interactive, as `gantry connect` opens it
  std::vector<std::string> dump;        // writes everything to its output
  std::string dump_extension = "dump";  // of the file people get: "dump", "sql", "rdb"
  std::vector<std::string> restore;     // reads a dump from its input; what is there is replaced
  // Lines "<name>\t<rows>" in byte order, one a table: the same for the same data.
  std::vector<std::string> inspect;
  std::vector<std::string> check;  // exit code 0: what is on disk is sound
};

struct TemplateService {
  std::string name;  // of the service, when it is free
  // Another template, whose first service this is: name, version and variables alone are its own,
  // the variables on top of that one's. Empty: none.
  std::string of;
  std::string image;                  // with "{version}" where it takes one
  std::string version;                // the default; empty: it takes none
  std::vector<std::string> versions;  // that are known to work
  std::string volume_name;            // empty: no volume
  std::string mount_path;
  std::optional<int> port;
  bool exposed = false;
  std::vector<std::string> start_command;
  std::vector<std::string> healthcheck_command;
  std::optional<std::string> healthcheck_path;
  int draining_seconds = 10;
  std::int64_t memory_bytes = 0;  // 0: the default of a new service
  // As written, in order: references as in any variable, and ${{secret(32)}} for a random one.
  std::vector<std::pair<std::string, std::string>> variables;
  std::string url_variable;  // that others refer to: "DATABASE_URL"; empty: none
  std::string linked_as;     // what an application calls it; empty: the same
  DataTools tools;
};

struct Template {
  std::string name;                  // a Name: "postgres"
  std::vector<std::string> aliases;  // "postgresql"
  std::string title;                 // "PostgreSQL"
  std::string summary;
  // The template of a service that must be there already: its variables refer to that one under
  // this name ("postgres"); empty: none.
  std::string needs;
  std::vector<TemplateService> services;  // never empty; the first is what one gets linked to
};

// Errors name the key and the line: "postgres.yaml:3: services[0].port: ...".
Result<Template> parse_template(std::string_view yaml, std::string_view file_name);

class Templates {
 public:
  // By name or alias, in any case; null when there is none.
  virtual const Template* find(std::string_view name) const = 0;
  virtual std::vector<const Template*> all() const = 0;  // by name
  virtual ~Templates() = default;
};

// The service of a template that made an instance: `Source::from_template` is "postgres", or
// "<template>.<service>" for one with several. Null when it is not known any more.
const TemplateService* template_service(const Templates&, std::string_view from_template);

// A service as it is to be made: with what the template that it names gives it. That one is not
// known: Code::invalid "unknown_template".
Result<TemplateService> complete(const Templates&, const TemplateService&);

}  // namespace gantry
