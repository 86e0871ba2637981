#include "cli/plan.hpp"

#include <algorithm>

#include <unistd.h>

#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::string sign_of(const Json& step) {
  const std::string action = step["action"].text();
  if (action == "create") return paint(Colour::green, "+", STDOUT_FILENO);
  if (action == "delete") return paint(Colour::red, "-", STDOUT_FILENO);
  if (action == "restart") return paint(Colour::dim, "*", STDOUT_FILENO);
  return paint(Colour::yellow, action == "replace" ? "!" : "~", STDOUT_FILENO);
}

std::string value_of(const Json& value, const Json& step) {
  if (!value.is_null()) return value.text().empty() ? "\"\"" : value.text();
  return step["subject"].text() == "setting" ? "(default)" : "";
}

std::string line_of(const Json& step) {
  const std::string before = value_of(step["before"], step);
  const std::string after = value_of(step["after"], step);
  const std::string action = step["action"].text();
  std::string line = sign_of(step) + " " + step["path"].text();
  if (action == "update" || action == "replace")
    line += ": " + before + " -> " + after;
  else if (!(before + after).empty())
    line += ": " + (action == "create" ? after : before);
  if (step["effect"].text() == "deploy") line += " (deploys)";
  if (step["effect"].text() == "restart") line += " (restarts)";
  if (!step["note"].text().empty())
    line += paint(Colour::dim, "  " + step["note"].text(), STDOUT_FILENO);
  if (step["destroys"].boolean()) line += " " + paint(Colour::red, "DESTROYS", STDOUT_FILENO);
  return line;
}

std::string joined(const Json& words) {
  std::string out;
  for (const Json& word : words.items()) out += (out.empty() ? "" : ", ") + word.text();
  return out;
}

// What was confirmed on the command line; a path that the plan does not destroy is a slip.
std::vector<std::string> confirmed(const Session& session, const Json& plan) {
  std::vector<std::string> destroyed;
  for (const Json& path : plan["destroys"].items()) destroyed.push_back(path.text());
  if (session.call().has("--confirm-destructive")) return destroyed;
  const auto named = session.call().values("--confirm");
  for (const std::string& path : named)
    if (std::find(destroyed.begin(), destroyed.end(), path) == destroyed.end())
      throw Failure{
          "the plan does not destroy " + path, "not_destroyed",
          destroyed.empty() ? "it destroys nothing" : "it destroys " + joined(plan["destroys"])};
  return named;
}

void ask_first(Session& session, const Json& plan, std::vector<std::string>& confirm) {
  const auto destroyed = plan["destroys"].items();
  if (confirm.size() < destroyed.size() && may_prompt(session)) {
    if (ask("This destroys " + joined(plan["destroys"]) + ". Type \"destroy\" to go on:") !=
        "destroy")
      throw Failure{"cancelled", "cancelled", "", kCancelled};
    confirm.clear();
    for (const Json& path : destroyed) confirm.push_back(path.text());
    return;
  }
  if (confirm.size() < destroyed.size())
    throw Failure{"the plan destroys " + joined(plan["destroys"]), "destruction_unconfirmed",
                  "name each with --confirm PATH, or all with --confirm-destructive"};
  if (session.call().has("--yes") || !may_prompt(session)) return;
  const std::string answer = ask("Apply this? [y/N]");
  if (answer != "y" && answer != "Y" && answer != "yes")
    throw Failure{"cancelled", "cancelled", "", kCancelled};
}

}  // namespace

std::vector<Option> consent_options() {
  return {{"--confirm", "PATH", "what may be destroyed, as the plan names it; may be repeated"},
          {"--confirm-destructive", "", "all that the plan destroys"},
          {"--hash", "HASH", "only if the plan still has this hash"},
          {"-y,--yes", "", "do not ask"}};
}

void print_plan(const Json& plan) {
  const auto steps = plan["steps"].items();
  for (const Json& step : steps) print(line_of(step));
  for (const Json& remark : plan["remarks"].items())
    print(paint(Colour::dim, "# " + remark.text(), STDOUT_FILENO));
  if (steps.empty()) return print("nothing to do: it is as it should be");
  std::string last = std::to_string(steps.size()) + (steps.size() == 1 ? " step" : " steps");
  if (const auto deploys = joined(plan["deploys"]); !deploys.empty())
    last += "; deploys " + deploys;
  print(last);
}

int show_plan(Session& session, const Json& plan) {
  if (session.json())
    print(plan.dump());
  else
    print_plan(plan);
  return session.call().has("--detailed-exit-code") && !plan["steps"].items().empty() ? 2 : 0;
}

int carry_out(Session& session, const Json& plan, const std::string& path, Members body) {
  if (const auto wanted = session.call().value("--hash"); wanted && *wanted != plan["hash"].text())
    throw Failure{"the plan is another one by now: its hash is " + plan["hash"].text(),
                  "plan_stale", "look at it again"};
  auto confirm = confirmed(session, plan);
  if (!session.json()) print_plan(plan);
  if (plan["steps"].items().empty()) {
    if (session.json()) print("{\"plan\":" + plan.dump() + ",\"deployments\":[]}");
    return 0;
  }
  ask_first(session, plan, confirm);
  std::vector<std::string> paths;
  for (const std::string& each : confirm) paths.push_back(json_string(each));
  body.emplace_back("hash", json_string(plan["hash"].text()));
  body.emplace_back("confirm", json_array(paths));
  const Json applied = session.client().send("POST", path, json_map(body));
  if (session.json()) {
    print(applied.dump());
    return 0;
  }
  print("applied");
  for (const Json& each : applied["deployments"].items())
    print("deploying " + each["service"].text() + ": " + each["deployment_id"].text());
  return 0;
}

}  // namespace gantry::cli
