// Ports of the edge that lead to services, for what does not speak HTTP.
#include "cli/tcp_proxy.hpp"

#include <charconv>

#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

int port_number(const std::string& text, const char* what) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    throw Failure{std::string(what) + " is a port, 1 to 65535, not \"" + text + "\"", "usage", "",
                  kUnreadable};
  return port;
}

std::string address_of(const Json& proxy) {
  return proxy["host"].text() + ":" + proxy["port"].dump();
}

void print_proxy(Session& session, const Json& shown) {
  if (session.json()) {
    print(shown.dump());
    return;
  }
  const Json proxy = shown["tcp_proxy"];
  if (proxy.is_null()) {
    print_error(shown["service"]["name"].text() + " has no port at the edge; `" +
                session.program() + " tcp-proxy create` opens one");
    return;
  }
  print(address_of(proxy));
  print_error("connections go to port " + proxy["target_port"].dump() + " of " +
              shown["service"]["name"].text());
  if (!shown["trouble"].is_null()) session.warn("nobody can connect: " + shown["trouble"].text());
}

int show(Session& session) {
  const Place place = find_service(session);
  print_proxy(session, session.client().get(place.instance_path() + "/tcp-proxy"));
  return 0;
}

int list(Session& session) {
  const Place place = find_environment(session);
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& instance : session.client().list(place.environment_path() + "/services")) {
    const Json proxy = instance["tcp_proxy"];
    if (proxy.is_null()) continue;
    rows.push_back(
        {instance["service"]["name"].text(), address_of(proxy), proxy["target_port"].dump()});
    std::string one;
    JsonObject(one).raw("service", instance["service"].dump()).raw("tcp_proxy", proxy.dump());
    documents.push_back(one);
  }
  if (session.json())
    print(json_array(documents));
  else
    print_table({"SERVICE", "ADDRESS", "TARGET PORT"}, rows);
  return 0;
}

int create(Session& session) {
  const Place place = find_service(session);
  std::string body;
  {
    JsonObject object(body);
    if (const auto port = session.call().value("--port"))
      object.number("target_port", port_number(*port, "--port"));
    if (const auto port = session.call().value("--public-port"))
      object.number("port", port_number(*port, "--public-port"));
  }
  if (const auto opened = open_tcp_proxy(session, place, body)) print_proxy(session, *opened);
  return 0;
}

int remove(Session& session) {
  const Place place = find_service(session);
  confirm(session, "Close the port of " + place.service + " and cut its connections?");
  if (!change(session, "DELETE", place.instance_path() + "/tcp-proxy")) return 0;
  std::string out;
  JsonObject(out).text("service", place.service).boolean("removed", true);
  print(session.json() ? out : "closed the port of " + place.service);
  return 0;
}

}  // namespace

std::optional<Json> open_tcp_proxy(Session& session, const Place& place, const std::string& body) {
  try {
    return change(session, "PUT", place.instance_path() + "/tcp-proxy", body);
  } catch (Failure& failure) {
    if (failure.hint.empty() && session.call().value("--port") == std::nullopt &&
        failure.message.find("target_port") != std::string::npos)
      failure.hint = "`{program} tcp-proxy create --port PORT` says where the service listens";
    throw;
  }
}

std::string public_variable(const std::string& url_variable) {
  if (!url_variable.ends_with("_URL")) return "";
  return url_variable.substr(0, url_variable.size() - 3) + "PUBLIC_URL";
}

std::vector<Command> tcp_proxy_commands() {
  return {{.path = "tcp-proxy",
           .summary = "the service's port at the edge",
           .scope = Scope::service,
           .examples = {"tcp-proxy -s postgres"},
           .run = show},
          {.path = "tcp-proxy create",
           .summary = "give the service a port at the edge, for connections of any kind",
           .aliases = {"add"},
           .scope = Scope::service,
           .options = {{"--port", "PORT", "where the service listens, if not at its port setting"},
                       {"--public-port", "PORT", "of the edge; without it a free one is chosen"}},
           .examples = {"tcp-proxy create -s postgres",
                        "tcp-proxy create --port 9000 --public-port 20900 -s queue"},
           .run = create},
          {.path = "tcp-proxy show",
           .summary = "the service's port, and what is wrong with it",
           .aliases = {"status"},
           .scope = Scope::service,
           .run = show},
          {.path = "tcp-proxy list",
           .summary = "the ports of the environment's services",
           .aliases = {"ls"},
           .scope = Scope::environment,
           .run = list},
          {.path = "tcp-proxy delete",
           .summary = "close the service's port and cut its connections",
           .aliases = {"rm", "remove"},
           .scope = Scope::service,
           .options = {{"-y,--yes", "", "do not ask"}},
           .run = remove}};
}

}  // namespace gantry::cli
