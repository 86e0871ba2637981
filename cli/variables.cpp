#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/output.hpp"
#include "cli/pairs.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"
#include "proto/dotenv.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Of a service, or with --shared those that every service of the environment sees.
struct Where {
  Place place;
  std::string path;
  bool shared = false;
};

Where find_where(Session& session) {
  Where where;
  where.shared = session.call().has("--shared");
  where.place = where.shared ? find_environment(session) : find_service(session);
  where.path =
      (where.shared ? where.place.environment_path() : where.place.instance_path()) + "/variables";
  return where;
}

Pairs read_variables(Session& session, const Where& where) {
  const bool as_written = where.shared || session.call().has("--raw");
  const Json answer = session.client().get(where.path + (as_written ? "" : "?rendered=true"));
  for (const Json& missing : answer["missing"].items())
    session.warn(missing["variable"].text() + " refers to " + missing["reference"].text() +
                 ", which is not there");
  Pairs pairs;
  for (const Json& each : answer["data"].items())
    pairs.emplace_back(each["name"].text(), each["value"].text());
  return pairs;
}

// ---- reading ----

int list(Session& session) {
  const Where where = find_where(session);
  const Pairs pairs = read_variables(session, where);
  if (session.json()) {
    Pairs members;
    for (const auto& [name, value] : pairs) members.emplace_back(name, json_string(value));
    print(json_map(members));
    return 0;
  }
  if (session.call().has("--kv")) {
    for (const auto& [name, value] : pairs) print(name + "=" + dotenv_value(value));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& [name, value] : pairs) {
    std::string line = value.substr(0, value.find('\n'));
    if (line.size() < value.size()) line += " ...";
    rows.push_back({name, line});
  }
  print_table({"VARIABLE", "VALUE"}, rows);
  return 0;
}

int get(Session& session) {
  if (session.call().words.empty())
    throw Failure{"the variable's name is missing", "usage", "`{program} variables get NAME`",
                  kUnreadable};
  const std::string wanted = session.call().words[0];
  for (const auto& [name, value] : read_variables(session, find_where(session))) {
    if (name != wanted) continue;
    std::string out;
    JsonObject(out).text("name", name).text("value", value);
    print(session.json() ? out : value);
    return 0;
  }
  throw Failure{"Variable \"" + wanted + "\" not found.", "not_found",
                "`{program} variables` shows what there is"};
}

// ---- writing ----

// Redeploys when something is deployed; the new deployment's id, else empty.
std::string apply(Session& session, const Where& where) {
  if (where.shared || session.call().has("--skip-deploys")) return "";
  if (where.place.instance["status"]["phase"].text() == "EMPTY") return "";
  return session.client().send("POST", where.place.instance_path() + "/redeploy")["id"].text();
}

void note_apply(Session& session, const Where& where, const std::string& deployment_id) {
  if (!deployment_id.empty())
    session.note("redeploying " + where.place.service + ": " + deployment_id);
  else if (where.shared)
    session.note("services see shared variables with their next deployment");
  else if (where.place.instance["status"]["phase"].text() != "EMPTY")
    session.note("it counts with the next deployment: `" + session.program() + " redeploy`");
}

int set_pairs(Session& session, const Pairs& pairs) {
  if (pairs.empty())
    throw Failure{"there is nothing to set", "usage", "`{program} variables set KEY=VALUE`",
                  kUnreadable};
  for (const auto& [name, value] : pairs)
    if (const auto why = emptied(value))
      session.warn(name + " is \"" + value + "\": " + *why +
                   ". Your shell may have expanded a variable that is not set; single quotes keep "
                   "${...} as it is");
  const Where where = find_where(session);
  Pairs patch;
  std::vector<std::string> keys;
  std::string names;
  for (const auto& [name, value] : pairs) {
    patch.emplace_back(name, json_string(value));
    keys.push_back(json_string(name));
    names += (names.empty() ? "" : ", ") + name;
  }
  session.client().send("PATCH", where.path, json_map(patch));
  const std::string deployment_id = apply(session, where);
  if (session.json()) {
    std::string out;
    JsonObject(out)
        .raw("keys", json_array(keys))
        .boolean("set", true)
        .text_or_null("deployment_id", deployment_id);
    print(out);
    return 0;
  }
  print("set " + names);
  note_apply(session, where, deployment_id);
  return 0;
}

std::string value_of_stdin() {
  std::string value = read_stdin();
  if (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

int set(Session& session) {
  const Call& call = session.call();
  Pairs pairs;
  if (call.has("--stdin")) {
    if (call.words.size() != 1 || call.words[0].find('=') != std::string::npos)
      throw Failure{"--stdin is the value of one variable", "usage",
                    "`{program} variables set KEY --stdin < FILE`", kUnreadable};
    pairs.emplace_back(call.words[0], value_of_stdin());
  } else {
    for (const std::string& word : call.words) pairs.push_back(parse_pair(word));
  }
  for (const std::string& word : call.values("--set")) pairs.push_back(parse_pair(word));
  return set_pairs(session, pairs);
}

// `variables` itself: the list, or the older spelling --set K=V.
int bare(Session& session) {
  const Call& call = session.call();
  if (const auto key = call.value("--set-from-stdin"))
    return set_pairs(session, {{*key, value_of_stdin()}});
  return call.has("--set") ? set(session) : list(session);
}

int import(Session& session) {
  const auto& words = session.call().words;
  const std::string path = words.empty() ? ".env" : words[0];
  std::stringstream text;
  if (path == "-") {
    text << read_stdin();
  } else {
    std::ifstream file(path);
    if (!file) throw Failure{"cannot read " + path, "no_file", "name the file, or - for stdin"};
    text << file.rdbuf();
  }
  const auto entries = parse_dotenv(text.str());
  if (!entries)
    throw Failure{path + ": " + entries.error().detail, entries.error().reason,
                  "docs/cli.md has the grammar; nothing was set"};
  return set_pairs(session, *entries);
}

int remove(Session& session) {
  const auto& words = session.call().words;
  if (words.empty())
    throw Failure{"the variable's name is missing", "usage", "`{program} variables delete NAME`",
                  kUnreadable};
  const Where where = find_where(session);
  Pairs present;
  for (const Json& each : session.client().get(where.path)["data"].items())
    present.emplace_back(each["name"].text(), "null");
  Pairs patch;
  std::string names;
  for (const std::string& word : words) {
    const bool there =
        std::find(present.begin(), present.end(),
                  std::pair<std::string, std::string>(word, "null")) != present.end();
    if (!there)
      throw Failure{"Variable \"" + word + "\" not found.", "not_found",
                    "`{program} variables --raw` shows those that were set here"};
    patch.emplace_back(word, "null");
    names += (names.empty() ? "" : ", ") + word;
  }
  session.client().send("PATCH", where.path, json_map(patch));
  const std::string deployment_id = apply(session, where);
  if (session.json()) {
    std::string out;
    JsonObject(out)
        .text("key", words[0])
        .boolean("deleted", true)
        .text_or_null("deployment_id", deployment_id);
    print(out);
    return 0;
  }
  print("deleted " + names);
  note_apply(session, where, deployment_id);
  return 0;
}

}  // namespace

std::vector<Command> variables_commands() {
  const Option shared{"--shared", "", "the environment's shared variables"};
  const Option raw{"--raw", "", "as they were written, references unresolved"};
  const Option kv{"-k,--kv", "", "NAME=value lines, as import reads them"};
  const Option skip{"--skip-deploys", "", "do not redeploy"};
  const Option set_option{"--set", "KEY=VALUE", "set one; may be repeated"};
  return {
      {.path = "variables",
       .summary = "the service's variables as a container gets them",
       .aliases = {"variable", "vars", "var"},
       .scope = Scope::service,
       .options = {kv,
                   raw,
                   shared,
                   set_option,
                   {"--set-from-stdin", "KEY", "set one to what stdin gives"},
                   skip},
       .examples = {"variables", "variables --kv > .env", "variables --set LOG_LEVEL=debug"},
       .run = bare},
      {.path = "variables list",
       .summary = "the same",
       .aliases = {"ls"},
       .scope = Scope::service,
       .options = {kv, raw, shared},
       .run = list},
      {.path = "variables get",
       .summary = "the value of one variable",
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::service,
       .options = {raw, shared},
       .examples = {"variables get DATABASE_URL"},
       .run = get},
      {.path = "variables set",
       .summary = "set variables and redeploy once",
       .words = "KEY=VALUE...",
       .words_max = -1,
       .scope = Scope::service,
       .options =
           {{"--stdin", "", "the value of KEY is what stdin gives"}, set_option, shared, skip},
       .examples = {"variables set NODE_ENV=production LOG_LEVEL=info",
                    "variables set CERTIFICATE --stdin < certificate.pem",
                    "variables set API_URL='https://${RAILWAY_SERVICE_NAME}.example.com'"},
       .run = set},
      {.path = "variables delete",
       .summary = "delete variables and redeploy once",
       .aliases = {"rm", "remove", "unset"},
       .words = "NAME...",
       .words_max = -1,
       .scope = Scope::service,
       .options = {shared, skip},
       .examples = {"variables delete LOG_LEVEL"},
       .run = remove},
      {.path = "variables import",
       .summary = "set every variable of a .env file and redeploy once",
       .words = "[FILE|-]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {shared, skip},
       .examples = {"variables import .env.production"},
       .run = import},
  };
}

}  // namespace gantry::cli
