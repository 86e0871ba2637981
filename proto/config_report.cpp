// A configuration file's result as text for people and as JSON for programs.
#include "proto/config_file.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

std::string place(std::string_view file, ConfigPosition at) {
  std::string text(file);
  if (at.line > 0) text += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  return text;
}

void append_position(JsonObject& object, ConfigPosition at) {
  if (at.line == 0)
    object.null("line").null("column");
  else
    object.number("line", at.line).number("column", at.column);
}

void append_origin(std::string& out, const ConfigOrigin& origin) {
  JsonObject object(out);
  switch (origin.kind) {
    case ConfigOrigin::Kind::file:
      object.text("kind", "file").text("file", origin.file);
      append_position(object, origin.at);
      object.text("key", origin.key);
      return;
    case ConfigOrigin::Kind::setting:
      object.text("kind", "setting");
      return;
    case ConfigOrigin::Kind::fallback:
      object.text("kind", "default");
      return;
  }
}

template <class Items, class Append>
void append_array(std::string& out, const Items& items, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += ']';
}

}  // namespace

std::string_view name(ConfigSeverity severity) {
  switch (severity) {
    case ConfigSeverity::notice:
      return "notice";
    case ConfigSeverity::warning:
      return "warning";
    case ConfigSeverity::error:
      return "error";
  }
  return "";
}

std::string config_line(std::string_view file, const ConfigProblem& problem) {
  std::string line = place(file, problem.at) + ": " + std::string(name(problem.severity)) + ": ";
  if (!problem.key.empty()) line += problem.key + ": ";
  return line + problem.message;
}

std::string origin_line(const ConfigOrigin& origin) {
  switch (origin.kind) {
    case ConfigOrigin::Kind::file:
      return place(origin.file, origin.at) + " " + origin.key;
    case ConfigOrigin::Kind::setting:
      return "service setting";
    case ConfigOrigin::Kind::fallback:
      return "default";
  }
  return "";
}

std::string config_json(std::string_view file, const ConfigResult& result) {
  std::string out;
  {
    JsonObject object(out);
    object.boolean("ok", result.ok()).text("file", file);
    append_array(object.at("settings"), result.effective, [&](const EffectiveSetting& setting) {
      JsonObject one(out);
      one.text("key", setting.key).raw("value", setting.value);
      append_origin(one.at("origin"), setting.origin);
    });
    append_array(object.at("problems"), result.problems, [&](const ConfigProblem& problem) {
      JsonObject one(out);
      one.text("severity", name(problem.severity));
      append_position(one, problem.at);
      one.text("key", problem.key).text("message", problem.message);
    });
    append_array(object.at("services"), result.services,
                 [&](const std::string& one) { append_json_string(out, one); });
    append_array(object.at("environments"), result.environments,
                 [&](const std::string& one) { append_json_string(out, one); });
  }
  return out;
}

}  // namespace gantry
