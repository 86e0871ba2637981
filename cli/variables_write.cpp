#include <fstream>
#include <set>
#include <sstream>

#include "cli/output.hpp"
#include "cli/pairs.hpp"
#include "cli/prompt.hpp"
#include "cli/staging.hpp"
#include "cli/variables.hpp"
#include "proto/dotenv.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

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
  if (!change(session, "PATCH", where.path, json_map(patch))) return 0;
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

// With --stage also those that are staged, and without what is to go.
std::set<std::string> names_at(Session& session, const Where& where) {
  std::set<std::string> names;
  if (where.shared || !where.place.instance.is_null())
    for (const Json& each : session.client().get(where.path)["data"].items())
      names.insert(each["name"].text());
  if (!is_staged(session)) return names;
  const std::string prefix =
      where.shared ? "shared." : "services." + where.place.service + ".variables.";
  const Json staged = session.client().get(where.place.environment_path() + "/staged");
  for (const Json& each : staged["data"].items()) {
    const std::string path = each["path"].text();
    if (!path.starts_with(prefix)) continue;
    if (each["removes"].boolean())
      names.erase(path.substr(prefix.size()));
    else
      names.insert(path.substr(prefix.size()));
  }
  return names;
}

std::string value_of_stdin() {
  std::string value = read_stdin();
  if (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

}  // namespace

int set_variables(Session& session) {
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

int bare_variables(Session& session) {
  const Call& call = session.call();
  if (const auto key = call.value("--set-from-stdin"))
    return set_pairs(session, {{*key, value_of_stdin()}});
  return call.has("--set") ? set_variables(session) : list_variables(session);
}

int import_variables(Session& session) {
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

int delete_variables(Session& session) {
  const auto& words = session.call().words;
  if (words.empty())
    throw Failure{"the variable's name is missing", "usage", "`{program} variables delete NAME`",
                  kUnreadable};
  const Where where = find_where(session);
  const std::set<std::string> present = names_at(session, where);
  Pairs patch;
  std::string names;
  for (const std::string& word : words) {
    if (!present.contains(word))
      throw Failure{"Variable \"" + word + "\" not found.", "not_found",
                    "`{program} variables --raw` shows those that were set here"};
    patch.emplace_back(word, "null");
    names += (names.empty() ? "" : ", ") + word;
  }
  if (!change(session, "PATCH", where.path, json_map(patch))) return 0;
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

}  // namespace gantry::cli
