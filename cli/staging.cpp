#include "cli/staging.hpp"

#include "cli/output.hpp"

namespace gantry::cli {
namespace {

void tell(const Session& session, const Json& staged) {
  if (session.json()) return print(staged.dump());
  const auto count = staged["data"].items().size();
  print("staged; " + std::to_string(count) + (count == 1 ? " change waits" : " changes wait"));
  session.note("`" + session.program() + " staged` shows them, `" + session.program() +
               " staged apply` does them");
}

}  // namespace

bool is_staged(const Session& session) { return session.call().has("--stage"); }

std::optional<Json> change(Session& session, const std::string& method, const std::string& path,
                           const std::string& body) {
  if (!is_staged(session)) return session.client().send(method, path, body);
  tell(session, session.client().send(method, path + "?stage=true", body));
  return std::nullopt;
}

std::optional<Json> staged_change(Session& session, const Place& environment,
                                  const std::string& path) {
  if (!is_staged(session)) return std::nullopt;
  const Json staged = session.client().get(environment.environment_path() + "/staged");
  for (const Json& each : staged["data"].items())
    if (each["path"].text() == path) return each;
  return std::nullopt;
}

std::optional<Place> find_staged_service(Session& session, Place environment,
                                         const std::string& name) {
  const auto staged = staged_change(session, environment, "services." + name);
  if (!staged || (*staged)["removes"].boolean()) return std::nullopt;
  environment.service_id = environment.service = name;
  return environment;
}

}  // namespace gantry::cli
