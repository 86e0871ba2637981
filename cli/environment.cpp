#include "cli/linking.hpp"
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

std::string wanted_word(const Call& call) {
  if (call.words.empty())
    throw Failure{"the environment's name is missing", "usage",
                  "`{program} " + call.command->path + " NAME`", kUnreadable};
  return call.words[0];
}

Place named_place(Session& session, const std::string& name) {
  Call named = session.call();
  named.options["--environment"] = {name};
  Session chosen(named);
  return find_environment(chosen);
}

// The service that was linked stays linked, also when the environment has not got it yet: `up`
// brings it there.
void link_to(Session& session, Place& place) {
  const auto* present = session.link();
  if (present != nullptr && present->second.project_id == place.project_id &&
      !present->second.service_id.empty()) {
    const auto service =
        session.client().find(place.project_path() + "/services/" + present->second.service_id);
    place.service_id = service ? (*service)["id"].text() : "";
    place.service = service ? (*service)["name"].text() : "";
  }
  write_link(session, place);
}

int list(Session& session) {
  const Place place = find_project(session);
  const bool deleted = session.call().has("--deleted");
  const std::string all = place.project_path() + "/environments";
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& each : session.client().list(all + (deleted ? "?deleted=true" : ""))) {
    documents.push_back(each.dump());
    std::string asks = each["guarded"].boolean() ? "guarded" : "";
    if (each["needs_approval"].boolean()) asks += asks.empty() ? "approval" : ", approval";
    Row row{each["name"].text(), each["id"].text(), asks};
    if (deleted) row.push_back(age(each["deleted_at"].text(), system_clock().now()));
    rows.push_back(std::move(row));
  }
  if (session.json())
    print(json_array(documents));
  else
    print_table(deleted ? Row{"ENVIRONMENT", "ID", "PROTECTION", "DELETED"}
                        : Row{"ENVIRONMENT", "ID", "PROTECTION"},
                rows);
  return 0;
}

int restore(Session& session) {
  const std::string name = wanted_word(session.call());
  Place place = find_project(session);
  const Json environment = session.client().send(
      "POST", place.project_path() + "/environments/" + percent_encode(name) + "/restore");
  place.environment_id = environment["id"].text();
  place.environment = environment["name"].text();
  print(session.json() ? environment.dump() : "restored environment " + place.environment);
  return 0;
}

int link(Session& session) {
  Place place = named_place(session, wanted_word(session.call()));
  link_to(session, place);
  tell_link(session, place);
  return 0;
}

int bare(Session& session) { return session.call().words.empty() ? list(session) : link(session); }

int create(Session& session) {
  const std::string name = wanted_word(session.call());
  const auto source = session.call().value("--duplicate");
  Place place = find_project(session);
  const std::string all = place.project_path() + "/environments";
  auto environment = session.client().find(all + "/" + percent_encode(name));
  const bool existed = environment.has_value();
  if (!existed) {
    std::string body;
    {
      JsonObject object(body);
      object.text("name", name);
      if (source) object.text("copy_of", *source);
    }
    environment = session.client().send("POST", all, body);
  }
  place.environment_id = (*environment)["id"].text();
  place.environment = (*environment)["name"].text();
  link_to(session, place);
  if (session.json()) {
    std::string out;
    JsonObject(out).text("id", place.environment_id).text("name", place.environment);
    print(out);
    return 0;
  }
  print(existed
            ? "environment " + place.environment + " already exists"
            : "created environment " + place.environment +
                  (source ? " as a copy of " + *source + ": nothing is deployed in it yet" : ""));
  if (existed && source) session.warn("nothing was copied from " + *source);
  tell_link(session, place);
  return 0;
}

// One that is deleted for good is named once more, unless -y says so.
void confirm_removal(Session& session, const Place& place) {
  const std::string what = "environment " + place.environment + " of " + place.project;
  if (!session.call().has("--now"))
    return confirm(session, "delete " + what + " with everything that runs in it");
  if (session.call().has("--yes")) return;
  if (!may_prompt(session))
    throw Failure{"this would delete " + what + " for good", "not_confirmed", "say so with -y"};
  if (ask("This deletes " + what + " for good. Type its name to go on:") != place.environment)
    throw Failure{"cancelled", "cancelled", "", kCancelled};
}

// One in its grace is found, too, when it is to go for good.
Place place_to_remove(Session& session, const std::string& name) {
  if (session.call().has("--now")) {
    Place place = find_project(session);
    for (const Json& each :
         session.client().list(place.project_path() + "/environments?deleted=true"))
      if (each["id"].text() == name || each["name"].text() == name) {
        place.environment_id = each["id"].text();
        place.environment = each["name"].text();
      }
    const bool live = session.client()
                          .find(place.project_path() + "/environments/" + percent_encode(name))
                          .has_value();
    if (!live && !place.environment_id.empty()) return place;
  }
  return named_place(session, name);
}

std::string protection_text(const Json& environment) {
  const bool guarded = environment["guarded"].boolean();
  const bool approval = environment["needs_approval"].boolean();
  const std::string name = "environment " + environment["name"].text();
  if (!guarded && !approval) return name + " is not protected";
  return name + (guarded ? " is guarded: only owners change it" : "") +
         (guarded && approval ? ", and" : "") + (approval ? " needs an approval to deploy" : "");
}

int change_protection(Session& session, bool guarded, bool approval) {
  const Place place = named_place(session, wanted_word(session.call()));
  std::string body;
  JsonObject(body).boolean("guarded", guarded).boolean("needs_approval", approval);
  const Json changed = session.client().send("PATCH", place.environment_path(), body);
  print(session.json() ? changed.dump() : protection_text(changed));
  return 0;
}

// What is written, and both when nothing is.
int protect(Session& session) {
  const bool guarded = session.call().has("--guarded");
  const bool approval = session.call().has("--approval");
  return change_protection(session, guarded || !approval, approval || !guarded);
}
int unprotect(Session& session) { return change_protection(session, false, false); }

int remove(Session& session) {
  const Place place = place_to_remove(session, wanted_word(session.call()));
  const bool now = session.call().has("--now");
  confirm_removal(session, place);
  session.client().send("DELETE", place.environment_path() + (now ? "?now=true" : ""));
  session.change_config([&](ConfigFile& config) {
    for (auto& [directory, link] : config.links) {
      if (link.environment_id != place.environment_id) continue;
      link.environment_id.clear();
      link.environment.clear();
      link.service_id.clear();
      link.service.clear();
    }
  });
  std::string out;
  JsonObject(out).text("id", place.environment_id).boolean("deleted", true);
  print(session.json() ? out : "deleted environment " + place.environment);
  if (!now && !session.json())
    session.note("`" + session.program() + " environment restore " + place.environment +
                 "` brings it back until its grace is over");
  return 0;
}

std::vector<Command> life_commands() {
  return {
      {.path = "environment delete",
       .summary = "delete an environment and everything in it",
       .aliases = {"rm", "remove"},
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::project,
       .options = {{"--now", "", "for good: it cannot be restored, and its network is free"},
                   {"-y,--yes", "", "do not ask"}},
       .examples = {"environment delete staging -y", "environment delete staging --now"},
       .run = remove},
      {.path = "environment restore",
       .summary = "bring a deleted environment back as it was",
       .words = "NAME|ID",
       .words_max = 1,
       .scope = Scope::project,
       .examples = {"environment restore staging"},
       .run = restore},
  };
}

}  // namespace

std::vector<Command> environment_commands() {
  std::vector<Command> all{
      {.path = "environment",
       .summary = "link an environment, or list them",
       .aliases = {"env"},
       .words = "[NAME]",
       .words_max = 1,
       .scope = Scope::project,
       .examples = {"environment staging", "environment create staging"},
       .run = bare},
      {.path = "environment list",
       .summary = "the environments",
       .aliases = {"ls"},
       .scope = Scope::project,
       .options = {{"--deleted", "", "those that are deleted and can be restored"}},
       .run = list},
      {.path = "environment link",
       .summary = "link this directory to an environment",
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::project,
       .run = link},
      {.path = "environment new",
       .summary = "create an environment, unless it is there, and link it",
       .aliases = {"create", "add"},
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::project,
       .options = {{"-d,-c,--copy,--duplicate", "NAME",
                    "with the services, settings and variables of that one"}},
       .examples = {"environment new staging", "environment new staging --duplicate production"},
       .run = create},
      {.path = "environment protect",
       .summary = "let only owners change an environment, or let deployments wait for one",
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::project,
       .options = {{"--guarded", "", "only owners change it and read its variables"},
                   {"--approval", "", "a deployment waits until an owner approves"}},
       .examples = {"environment protect production", "environment protect staging --approval"},
       .run = protect},
      {.path = "environment unprotect",
       .summary = "take an environment's protection away",
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::project,
       .run = unprotect},
  };
  for (Command& each : life_commands()) all.push_back(std::move(each));
  return all;
}

}  // namespace gantry::cli
