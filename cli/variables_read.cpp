#include "cli/output.hpp"
#include "cli/variables.hpp"
#include "proto/dotenv.hpp"
#include "proto/json.hpp"

namespace gantry::cli {

Where find_where(Session& session) {
  Where where;
  where.shared = session.call().has("--shared");
  where.place = where.shared ? find_environment(session) : find_service(session);
  where.path =
      (where.shared ? where.place.environment_path() : where.place.instance_path()) + "/variables";
  return where;
}

namespace {

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

}  // namespace

int list_variables(Session& session) {
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

int get_variable(Session& session) {
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

}  // namespace gantry::cli
