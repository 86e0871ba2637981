// One environment beside another: `environment diff` and `environment sync`.
#include "cli/plan.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

struct Pair {
  std::string path;  // of the environment that is changed
  Members body;
};

Pair pair_of(Session& session) {
  const Call& call = session.call();
  if (call.words.size() != 2)
    throw Failure{"two environments are compared: from which one, and which one changes", "usage",
                  "`{program} " + call.command->path + " staging production`", kUnreadable};
  Call named = call;
  named.options["--environment"] = {call.words[1]};
  Session chosen(named);
  Pair pair{.path = find_environment(chosen).environment_path(),
            .body = {{"from", json_string(call.words[0])}}};
  std::vector<std::string> only, variables;
  for (const std::string& service : call.values("--only")) only.push_back(json_string(service));
  for (const std::string& name : call.values("--variable")) variables.push_back(json_string(name));
  if (call.has("--variables")) variables.push_back("\"*\"");
  if (!only.empty()) pair.body.emplace_back("only", json_array(only));
  if (!variables.empty()) pair.body.emplace_back("variables", json_array(variables));
  return pair;
}

int diff(Session& session) {
  const Pair pair = pair_of(session);
  return show_plan(session,
                   session.client().send("POST", pair.path + "/diff", json_map(pair.body)));
}

int sync(Session& session) {
  const Pair pair = pair_of(session);
  const Json plan = session.client().send("POST", pair.path + "/diff", json_map(pair.body));
  return carry_out(session, plan, pair.path + "/sync", pair.body);
}

std::vector<Option> with(std::vector<Option> more) {
  std::vector<Option> all{
      {"--only", "SERVICE", "this service alone; may be repeated"},
      {"--variable", "NAME", "copy its value although it differs; may be repeated"},
      {"--variables", "", "copy all values that differ"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

std::vector<Command> environment_sync_commands() {
  return {{.path = "environment diff",
           .summary = "what would come to an environment from another one",
           .words = "FROM TO",
           .words_max = 2,
           .scope = Scope::project,
           .options = with({{"--detailed-exit-code", "", "exit with 2 when they differ"}}),
           .examples = {"environment diff staging production",
                        "environment diff staging production --only api --json"},
           .run = diff},
          {.path = "environment sync",
           .summary = "bring an environment to another one, exactly as diff shows it",
           .words = "FROM TO",
           .words_max = 2,
           .scope = Scope::project,
           .options = with(consent_options()),
           .examples = {"environment sync staging production",
                        "environment sync staging production --only api --variable LOG_LEVEL"},
           .run = sync}};
}

}  // namespace gantry::cli
