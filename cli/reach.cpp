// run, shell, ssh: a program with a service's variables, where the service is or here.
#include <algorithm>
#include <csignal>

#include <unistd.h>

#include "cli/clients.hpp"
#include "cli/local.hpp"
#include "cli/output.hpp"
#include "cli/reachable.hpp"
#include "cli/remote.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

const char* const kShell = "/bin/sh";
// What people expect of a shell, where the image has it.
const char* const kBestShell = "command -v bash >/dev/null && exec bash -l; exec sh";

RemoteCall remote_call(const Call& call, std::vector<std::string> command) {
  return {.command = std::move(command),
          .replica = call.value("--replica").value_or(""),
          .one_off = call.has("--one-off")};
}

// Where a database's program finds its way by itself.
std::vector<std::string> command_in(Session& session, const Place& place,
                                    const std::vector<std::string>& command) {
  const Database* const own = database_of_image(image_of(place));
  const auto is_of = [&](const Database& database) {
    return std::find(database.programs.begin(), database.programs.end(), command.front()) !=
           database.programs.end();
  };
  if (own == nullptr || !is_of(*own)) return command;
  return inner_call(*own, rendered_variables(session, place), command);
}

// The only database of the environment that has such a program.
std::optional<Place> database_with(Session& session, const Place& place,
                                   const std::string& program) {
  std::optional<Place> found;
  for (const Json& each : session.client().list(place.environment_path() + "/services")) {
    Place other = place;
    other.service_id = each["service"]["id"].text();
    other.service = each["service"]["name"].text();
    other.instance = each;
    const Database* const database = database_of_image(image_of(other));
    if (database == nullptr || other.service_id == place.service_id) continue;
    const auto& programs = database->programs;
    if (std::find(programs.begin(), programs.end(), program) == programs.end()) continue;
    if (found) return std::nullopt;
    found = std::move(other);
  }
  return found;
}

int run_there(Session& session, const Place& place, const std::vector<std::string>& command) {
  RemoteCall call = remote_call(session.call(), command_in(session, place, command));
  PumpEnd end;
  try {
    end = run_remote(session, place, call);
  } catch (const Failure& failure) {
    if (failure.code != "nothing_deployed") throw;
    end.error = Error{Code::invalid, "start_failed", failure.message};
  }
  const bool missing = end.error && end.error->reason == "start_failed";
  if (missing && database_of_program(command.front()) != nullptr && call.replica.empty()) {
    if (const auto database = database_with(session, place, command.front())) {
      session.note(place.service + " has no " + command.front() + ": " + database->service +
                   " has");
      call = remote_call(session.call(), command_in(session, *database, command));
      end = run_remote(session, *database, call);
    }
  }
  if (end.error && end.error->reason == "start_failed")
    throw Failure{command.front() + ": " + end.error->detail, "start_failed",
                  "`{program} run --local` runs a program of this machine", 127};
  return exit_code_of(end, call);
}

int run_here(Session& session, const std::vector<std::string>& command, const Values& more) {
  std::signal(SIGPIPE, SIG_IGN);  // a tunnel's connection may break off
  const Place place = find_service(session);
  const Reachable reachable(session, place);
  Values variables = reachable.variables();
  variables.insert(more.begin(), more.end());
  session.note("running " + command.front() + " on this machine with the variables of " +
               place.service + " (" + place.environment + ")");
  return run_local(command, variables);
}

int run_program(Session& session) {
  const auto command = session.call().words;
  if (command.empty())
    throw Failure{"the program is missing", "usage", "`{program} run pg_dump`", kUnreadable};
  if (session.call().has("--local")) return run_here(session, command, {});
  return run_there(session, find_service(session), command);
}

int shell(Session& session) {
  const char* const own = environ_value("SHELL");
  const std::string program = own != nullptr && *own != '\0' ? own : kShell;
  return run_here(session, {program}, {{"IN_GANTRY_SHELL", "true"}, {"IN_RAILWAY_SHELL", "true"}});
}

int ssh(Session& session) {
  auto command = session.call().words;
  const Place place = find_service(session);
  if (command.empty()) command = {kShell, "-c", kBestShell};
  const RemoteCall call = remote_call(session.call(), std::move(command));
  return exit_code_of(run_remote(session, place, call), call);
}

}  // namespace

std::vector<Command> reach_commands() {
  const Option replica{"--instance,--replica", "ID|NUMBER", "in this one of its replicas"};
  const Option one_off{"--one-off", "", "in a container of its own, whatever runs"};
  return {
      {.path = "run",
       .summary = "a program in the service's environment: in a running replica, else in a "
                  "container of its own; bytes and exit code are the program's",
       .words = "PROGRAM [ARGUMENT...]",
       .words_max = -1,
       .scope = Scope::service,
       .options = {{"--local", "", "on this machine, with the variables and tunnels to the hosts"},
                   replica,
                   one_off},
       .examples = {"run pg_dump > backup.sql", "run psql < backup.sql", "run npm run seed",
                    "run --local npm test"},
       .run = run_program,
       .raw_words = true},
      {.path = "shell",
       .summary = "a shell on this machine with the service's variables and tunnels to its hosts",
       .scope = Scope::service,
       .examples = {"shell -s api"},
       .run = shell},
      {.path = "ssh",
       .summary = "a shell, or a program, in a container of the service",
       .aliases = {"exec"},
       .words = "[PROGRAM [ARGUMENT...]]",
       .words_max = -1,
       .scope = Scope::service,
       .options = {replica, one_off},
       .examples = {"ssh", "ssh -s api ls -l", "ssh --replica 1 top"},
       .run = ssh,
       .raw_words = true}};
}

}  // namespace gantry::cli
