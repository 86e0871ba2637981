#include "cli/up_place.hpp"

#include <climits>
#include <cstdlib>

#include <sys/stat.h>

#include "cli/prompt.hpp"
#include "cli/service.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

std::string real_directory(const std::string& path) {
  char real[PATH_MAX];
  struct stat info {};
  if (::realpath(path.c_str(), real) == nullptr || ::stat(real, &info) != 0)
    throw Failure{"there is no directory " + path, "no_directory", "is the path right?"};
  if (!S_ISDIR(info.st_mode))
    throw Failure{path + " is no directory", "no_directory", "name the directory that holds it"};
  return real;
}

std::string linked_directory(Session& session) {
  const auto* link = session.link();
  return real_directory(link == nullptr ? current_directory() : link->first);
}

UpPlace to_make(Session& session, const Place& place, const std::string& name) {
  if (session.call().has("--no-create")) throw no_such_service(session, name);
  return {.place = place, .to_make = name};
}

// "svc_" and what follows is never taken for the name of a service to come.
bool is_id(const std::string& wanted) { return wanted.rfind("svc_", 0) == 0; }

UpPlace named_service(Session& session, const std::string& wanted) {
  if (auto place = try_find_service(session)) return {.place = std::move(*place)};
  const Place place = find_environment(session);
  const auto service =
      session.client().find(place.project_path() + "/services/" + percent_encode(wanted));
  if (!service && is_id(wanted)) throw no_such_service(session, wanted);
  return to_make(session, place, service ? (*service)["name"].text() : wanted);
}

std::vector<std::string> service_names(const std::vector<Json>& services) {
  std::vector<std::string> names;
  for (const Json& each : services) names.push_back(each["name"].text());
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Session with_service(Session& session, const std::string& name) {
  Call call = session.call();
  call.options["--service"] = {name};
  return Session(call);
}

UpPlace unnamed_service(Session& session) {
  const Place place = find_environment(session);
  Client& client = session.client();
  const auto here = client.list(place.environment_path() + "/services");
  if (here.size() == 1) return {.place = find_service(session)};
  const auto names = service_names(client.list(place.project_path() + "/services"));
  if (names.empty())
    return to_make(session, place, name_of_directory(linked_directory(session), "app"));
  std::string chosen = names[0];
  if (names.size() > 1) {
    if (!may_prompt(session) || session.call().has("--yes"))
      throw Failure{"No service linked", "no_service",
                    "name one with -s, or `{program} service link NAME`: " + listed(names)};
    chosen = names[ask_choice("Which service?", names)];
  }
  Session named = with_service(session, chosen);
  return named_service(named, chosen);
}

}  // namespace

std::string name_of_directory(const std::string& directory, const std::string& otherwise) {
  std::string name;
  for (const char c : directory.substr(directory.rfind('/') + 1)) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool fits = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9');
    if (fits)
      name += low;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  name = name.substr(0, 30);
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? otherwise : name;
}

UpPlace place_of_up(Session& session) {
  const std::string wanted = session.selectors().service;
  return wanted.empty() ? unnamed_service(session) : named_service(session, wanted);
}

Place made(Session& session, const UpPlace& wanted) {
  if (wanted.to_make.empty()) return wanted.place;
  Place place = create_service(session, wanted.to_make, "").value();
  if (!session.json())
    session.note("created service " + place.service + " in " + place.environment);
  return place;
}

TreeOrder order_of_up(Session& session) {
  const Call& call = session.call();
  TreeOrder order{.root = linked_directory(session)};
  if (call.has("--no-gitignore")) order.gitignore = GitIgnore::is_passed_over;
  if (call.words.empty()) {
    if (call.has("--path-as-root"))
      throw Failure{"--path-as-root needs the path", "usage",
                    "`{program} up services/api --path-as-root`", kUnreadable};
    return order;
  }
  const std::string path = real_directory(call.words[0]);
  if (path == order.root) return order;
  const std::string lead = order.root == "/" ? "/" : order.root + "/";
  if (path.rfind(lead, 0) == 0) {
    order.below = path.substr(lead.size());
    order.below_is_root = call.has("--path-as-root");
    return order;
  }
  if (!call.has("--path-as-root"))
    throw Failure{path + " is outside of " + order.root, "outside",
                  "--path-as-root packs it as it stands"};
  order.root = path;
  return order;
}

}  // namespace gantry::cli
