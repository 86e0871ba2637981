// Changes that were made with --stage: shown, applied together, or discarded.
#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

int show(Session& session) {
  const Json staged =
      session.client().get(find_environment(session).environment_path() + "/staged");
  if (session.json()) {
    print(staged.dump());
    return session.call().has("--detailed-exit-code") && !staged["data"].items().empty() ? 2 : 0;
  }
  std::vector<Row> rows;
  for (const Json& each : staged["data"].items())
    rows.push_back({each["id"].text(), each["removes"].boolean() ? "delete" : "set",
                    each["path"].text(), age(each["created_at"].text(), system_clock().now())});
  if (!rows.empty()) print_table({"ID", "ACTION", "PATH", "AGE"}, rows);
  return show_plan(session, staged["plan"]);
}

int apply(Session& session) {
  const std::string path = find_environment(session).environment_path() + "/staged";
  const Json staged = session.client().get(path);
  return carry_out(session, staged["plan"], path + "/apply", {});
}

int discard(Session& session) {
  const std::string path = find_environment(session).environment_path() + "/staged";
  const auto& words = session.call().words;
  if (words.empty()) session.client().send("DELETE", path);
  for (const std::string& id : words)
    session.client().send("DELETE", path + "/" + percent_encode(id));
  std::string out;
  JsonObject(out).boolean("discarded", true);
  print(session.json() ? out : words.empty() ? "discarded all that was staged" : "discarded");
  return 0;
}

}  // namespace

std::vector<Command> staged_commands() {
  return {{.path = "staged show",
           .summary = "what is staged, and what it would do",
           .scope = Scope::environment,
           .options = {{"--detailed-exit-code", "", "exit with 2 when something is staged"}},
           .examples = {"staged show", "staged show -e staging --json"},
           .run = show},
          {.path = "staged apply",
           .summary = "do all that is staged, and deploy each service that it touches once",
           .scope = Scope::environment,
           .options = consent_options(),
           .examples = {"staged apply", "staged apply -y"},
           .run = apply},
          {.path = "staged discard",
           .summary = "forget what is staged, all of it or single changes",
           .words = "[ID...]",
           .words_max = -1,
           .scope = Scope::environment,
           .examples = {"staged discard"},
           .run = discard}};
}

}  // namespace gantry::cli
