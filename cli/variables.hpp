// The parts of `variables`: reading, writing, and the rows of the table.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/session.hpp"

namespace gantry::cli {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Of a service, or with --shared those that every service of the environment sees.
struct Where {
  Place place;
  std::string path;
  bool shared = false;
};
Where find_where(Session&);

int list_variables(Session&);
int get_variable(Session&);
int set_variables(Session&);
int delete_variables(Session&);
int import_variables(Session&);
int bare_variables(Session&);  // the list, or the older spelling --set K=V

}  // namespace gantry::cli
