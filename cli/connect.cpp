// connect and tunnel: a database's client, and ports of this machine that lead into an environment.
#include <charconv>
#include <csignal>

#include <unistd.h>

#include "cli/clients.hpp"
#include "cli/listener.hpp"
#include "cli/local.hpp"
#include "cli/output.hpp"
#include "cli/remote.hpp"
#include "cli/verbs.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

int number_of(const std::string& text, const char* what) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0 && number < 65536)
    return number;
  throw Failure{std::string(what) + " \"" + text + "\" is no port", "usage", "", kUnreadable};
}

// The service that a verb's first word names, else as any verb finds it.
Place named_place(Session& session, const std::string& name) {
  if (name.empty()) return find_service(session);
  Place place = find_environment(session);
  std::string lower = name;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  auto instance =
      session.client().find(place.environment_path() + "/services/" + percent_encode(lower));
  if (!instance) throw no_such_service(session, lower);
  place.service_id = (*instance)["service"]["id"].text();
  place.service = (*instance)["service"]["name"].text();
  place.instance = std::move(*instance);
  return place;
}

Listener listen(Session& session, const Place& place, int port, int local) {
  return {session.access(), TunnelTarget{place.instance_path(), port}, local,
          [&session](const std::string& why) { session.warn(why); }};
}

int connect_here(Session& session, const Place& place, const Database& database,
                 const std::vector<std::string>& more) {
  std::signal(SIGPIPE, SIG_IGN);
  const Values values = rendered_variables(session, place);
  const Listener listener = listen(session, place, 0, 0);
  ClientCall client = *local_client(database, values, listener.port());
  client.argv.insert(client.argv.end(), more.begin(), more.end());
  session.note("running " + client.argv.front() + " on this machine, through a tunnel to " +
               place.service + " (" + place.environment + ")");
  return run_local(client.argv, client.variables);
}

int connect_there(Session& session, const Place& place, const Database& database,
                  const std::vector<std::string>& more) {
  std::vector<std::string> argv{database.programs.front()};
  argv.insert(argv.end(), more.begin(), more.end());
  const RemoteCall call{.command = inner_call(database, rendered_variables(session, place), argv)};
  session.note("there is no " + argv.front() + " for it on this machine: the container's own");
  return exit_code_of(run_remote(session, place, call), call);
}

int connect(Session& session) {
  std::vector<std::string> words = session.call().words;
  const std::string name = words.empty() ? "" : words.front();
  if (!words.empty()) words.erase(words.begin());
  const Place place = named_place(session, name);
  const Database* const database = database_of_image(image_of(place));
  if (database == nullptr)
    throw Failure{place.service + " is no database that {program} knows the client of",
                  "unknown_database",
                  "`{program} tunnel " + place.service + "` opens a port for any client"};
  const bool here = !session.call().has("--remote") && find_program(database->programs.front()) &&
                    local_client(*database, rendered_variables(session, place), 0);
  return here ? connect_here(session, place, *database, words)
              : connect_there(session, place, *database, words);
}

int tunnel(Session& session) {
  const Call& call = session.call();
  const std::string name = call.words.empty() ? "" : call.words.front();
  const Place place = named_place(session, name);
  const int far = number_of(call.value("--target-port").value_or("0"), "--target-port");
  const int local = number_of(call.value("--port").value_or("0"), "--port");
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  std::signal(SIGPIPE, SIG_IGN);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // of the threads to come, too
  const Listener listener = listen(session, place, far, local);
  session.note("127.0.0.1:" + std::to_string(listener.port()) + " leads to " + place.service +
               (far == 0 ? "" : ":" + std::to_string(far)) + " (" + place.environment +
               "), until Ctrl-C");
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace

std::vector<Command> connect_commands() {
  return {{.path = "connect",
           .summary = "the client of a database: the one on this machine through a tunnel, else "
                      "the one in the database's container",
           .words = "[SERVICE [-- ARGUMENT...]]",
           .words_max = -1,
           .scope = Scope::service,
           .options = {{"--remote", "", "the one in the container in any case"}},
           .examples = {"connect postgres", "connect postgres -- -c 'select 1'"},
           .run = connect},
          {.path = "tunnel",
           .summary = "a port of this machine that leads to a service, until Ctrl-C",
           .words = "[SERVICE]",
           .words_max = 1,
           .scope = Scope::service,
           .options = {{"-P,--port", "PORT", "of this machine (any that is free)"},
                       {"--target-port", "PORT", "of the container (the service's own)"}},
           .examples = {"tunnel postgres --port 5432", "tunnel api --target-port 9229"},
           .run = tunnel}};
}

}  // namespace gantry::cli
