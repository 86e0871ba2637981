// The control messages of a session, as JSON.
#include <nlohmann/json.hpp>

#include "proto/session_wire.hpp"

namespace gantry {
namespace {

using Json = nlohmann::json;

Error broken(const std::string& detail) {
  return {Code::invalid, "protocol_error", "a control message " + detail};
}

std::optional<int> number(const Json& object, const char* key, int least, int most) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  const auto value = found->get<std::int64_t>();
  if (value < least || value > most) return std::nullopt;
  return static_cast<int>(value);
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::string session_control_json(const SessionControl& control) {
  Json out = Json::object();
  if (control.resize)
    out["resize"] = {{"columns", control.resize->columns}, {"rows", control.resize->rows}};
  if (control.input_end) out["input"] = "end";
  if (control.started) out["started"] = true;
  if (control.exit_code) out["exit"] = *control.exit_code;
  if (control.error)
    out["error"] = {{"code", control.error->reason}, {"detail", control.error->detail}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<SessionControl> parse_session_control(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return broken("is a JSON object");
  SessionControl control;
  for (const auto& [key, value] : json.items()) {
    if (key == "resize" && value.is_object()) {
      const auto columns = number(value, "columns", 1, 65535),
                 rows = number(value, "rows", 1, 65535);
      if (!columns || !rows) return broken("\"resize\" has columns and rows from 1 to 65535");
      control.resize = SessionControl::Size{*columns, *rows};
    } else if (key == "input" && value == "end") {
      control.input_end = true;
    } else if (key == "started" && value == true) {
      control.started = true;
    } else if (key == "exit" && value.is_number_integer()) {
      control.exit_code = value.get<int>();
    } else if (key == "error" && value.is_object()) {
      control.error = Error{Code::unavailable, text_of(value, "code"), text_of(value, "detail")};
    } else {
      return broken("has an unknown \"" + key.substr(0, 40) + "\"");
    }
  }
  return control;
}

}  // namespace gantry
