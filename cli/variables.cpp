#include "cli/variables.hpp"

#include "cli/verbs.hpp"

namespace gantry::cli {

namespace {

Command import_command(const Option& shared, const Option& skip) {
  return {.path = "variables import",
          .summary = "set every variable of a .env file and redeploy once",
          .words = "[FILE|-]",
          .words_max = 1,
          .scope = Scope::service,
          .options = {shared, skip},
          .examples = {"variables import .env.production"},
          .run = import_variables};
}

}  // namespace

std::vector<Command> variables_commands() {
  const Option shared{"--shared", "", "the environment's shared variables"};
  const Option raw{"--raw", "", "as they were written, references unresolved"};
  const Option kv{"-k,--kv", "", "NAME=value lines, as import reads them"};
  const Option skip{"--skip-deploys", "", "do not redeploy"};
  const Option set_option{"--set", "KEY=VALUE", "set one; may be repeated"};
  return {
      {.path = "variables",
       .summary = "the service's variables as a container gets them",
       .aliases = {"variable", "vars", "var"},
       .scope = Scope::service,
       .options = {kv,
                   raw,
                   shared,
                   set_option,
                   {"--set-from-stdin", "KEY", "set one to what stdin gives"},
                   skip},
       .examples = {"variables", "variables --kv > .env", "variables --set LOG_LEVEL=debug"},
       .run = bare_variables},
      {.path = "variables list",
       .summary = "the same",
       .aliases = {"ls"},
       .scope = Scope::service,
       .options = {kv, raw, shared},
       .run = list_variables},
      {.path = "variables get",
       .summary = "the value of one variable",
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::service,
       .options = {raw, shared},
       .examples = {"variables get DATABASE_URL"},
       .run = get_variable},
      {.path = "variables set",
       .summary = "set variables and redeploy once",
       .words = "KEY=VALUE...",
       .words_max = -1,
       .scope = Scope::service,
       .options =
           {{"--stdin", "", "the value of KEY is what stdin gives"}, set_option, shared, skip},
       .examples = {"variables set NODE_ENV=production LOG_LEVEL=info",
                    "variables set CERTIFICATE --stdin < certificate.pem",
                    "variables set API_URL='https://${RAILWAY_SERVICE_NAME}.example.com'"},
       .run = set_variables},
      {.path = "variables delete",
       .summary = "delete variables and redeploy once",
       .aliases = {"rm", "remove", "unset"},
       .words = "NAME...",
       .words_max = -1,
       .scope = Scope::service,
       .options = {shared, skip},
       .examples = {"variables delete LOG_LEVEL"},
       .run = delete_variables},
      import_command(shared, skip),
  };
}

}  // namespace gantry::cli
