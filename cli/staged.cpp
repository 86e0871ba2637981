// Changes that were made with --stage: shown, applied together, or discarded.
#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/name.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

// One line of it; the plan below has all.
std::string shown(const Json& value) {
  constexpr std::size_t most = 40;
  std::string text = value.is_null() ? "" : value.text();
  text = text.substr(0, text.find('\n'));
  if (text.size() <= most) return text;
  text.resize(most);
  while (!is_utf8(text)) text.pop_back();
  return text + " ...";
}

int show(Session& session) {
  const Json staged =
      session.client().get(find_environment(session).environment_path() + "/staged");
  if (session.json()) {
    print(staged.dump());
    return session.call().has("--detailed-exit-code") && !staged["data"].items().empty() ? 2 : 0;
  }
  std::vector<Row> rows;
  for (const Json& each : staged["data"].items())
    rows.push_back({each["id"].text(), each["path"].text(), shown(each["before"]),
                    shown(each["after"]), age(each["created_at"].text(), system_clock().now())});
  if (!rows.empty()) print_table({"ID", "PATH", "IS", "WILL BE", "AGE"}, rows);
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
  const Option exit_code{"--detailed-exit-code", "", "exit with 2 when something is staged"};
  return {{.path = "staged",
           .summary = "what is staged, and what it would do",
           .scope = Scope::environment,
           .options = {exit_code},
           .run = show},
          {.path = "staged show",
           .summary = "the same",
           .aliases = {"list", "ls"},
           .scope = Scope::environment,
           .options = {exit_code},
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
           .examples = {"staged discard", "staged discard stg_01jd8yq5x8c5v0m6r7k2n4t9wz"},
           .run = discard}};
}

}  // namespace gantry::cli
